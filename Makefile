# `make check` runs what CI runs. Tools come from .venv when there is one; otherwise from PATH, or name a folder with a
# closing slash: make check BIN=/some/venv/bin/
BIN ?= $(if $(wildcard .venv/bin/python),.venv/bin/)

PYBABEL = PYTHONPATH=. $(BIN)pybabel -q

.PHONY: check lint test format locale lock audit bench soak proof screenshots

check: lint test

lint:
	$(BIN)ruff check
	$(BIN)ruff format --check
	$(BIN)mypy
	$(BIN)lint-imports

test:
	$(BIN)pytest

format:
	$(BIN)ruff check --fix
	$(BIN)ruff format

# Reads the marked sentences, brings every catalogue up to date, compiles them; fails and lists what is not translated.
locale:
	mkdir -p build
	$(PYBABEL) extract -F babel.cfg --project gatepost --sort-by-file --add-location=file --no-wrap -o build/gatepost.pot station sync passes
	$(PYBABEL) update -i build/gatepost.pot -d station/locale -D gatepost --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap
	$(PYBABEL) compile -d station/locale -D gatepost
	$(BIN)pytest -n0 tests/house/test_catalogues.py

# Hashes without addresses: the file installs from whatever index pip is set up for.
lock:
	@command -v $(BIN)uv >/dev/null || { echo "make lock needs uv: $(BIN)pip install uv" >&2; exit 2; }
	$(BIN)uv pip compile -q --universal --generate-hashes --extra dev --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --upgrade -o requirements.lock pyproject.toml

# Looks the locked versions up in the advisories of PyPI and OSV, where they can be reached; needs `pip install pip-audit`.
audit:
	@command -v $(BIN)pip-audit >/dev/null || { echo "make audit needs pip-audit: $(BIN)pip install pip-audit" >&2; exit 2; }
	$(BIN)python docs/audit.py $(BIN)pip-audit

# Every bench/*.py that has a main, one after the other: they measure, so they do not share the machine.
bench:
	@for file in $$(grep -l '^if __name__ == "__main__":' bench/*.py | grep -v /soak_); do \
		echo "== $$file"; PYTHONPATH=. $(BIN)python "$$file" || exit 1; \
	done

# 50 MB of noise for every device protocol, and 5,000 passages in one run of the app: no crash, no reading out of noise,
# no growth, no slowing; half an hour.
soak:
	PYTHONPATH=. $(BIN)python bench/soak_devices.py
	PYTHONPATH=. $(BIN)python bench/soak_gate.py

# 43 stations, 30 minutes of faults, and then: nothing lost, nothing twice. Another length: make proof ARGS="--minutes 5"
# Then 5,000 power cuts, and 1,000 passes for which three gates race each; the tests do fewer.
proof:
	PYTHONPATH=. $(BIN)python -m tests.faults.proof $(ARGS)
	GATEPOST_POWER_CUTS=5000 GATEPOST_RACES=1000 $(BIN)pytest tests/faults -k "not set_oracle"

# Every screen in both languages and two sizes into docs/screens, from the running app; the same screen gives the same
# file. Three minutes; it fails where a text does not fit its place.
screenshots:
	PYTHONPATH=. $(BIN)python docs/screenshot.py
