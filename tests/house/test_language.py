"""Which language the user reads, and what an error says in it."""

import gettext
from collections.abc import Iterator
from datetime import date

import pytest

from passes.errors import N_, GatepostError, UsageError
from station import i18n
from station.i18n import _, choose_language, explain, language, set_language


@pytest.fixture(autouse=True)
def _language_restored() -> Iterator[None]:
    before = i18n._Chosen.language
    yield
    i18n._Chosen.language = before


@pytest.fixture
def dated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Chinese catalogue of two sentences of this test."""

    class Sample(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"{file}: {day} is too late": "{day} 太晚({file})", "Gate": "门岗"}.get(message, message)

    real = i18n._catalogue
    monkeypatch.setattr(i18n, "_catalogue", lambda chosen: Sample() if chosen == "zh" else real(chosen))


@pytest.mark.parametrize(
    ("explicit", "environment", "setting", "expected"),
    [
        (None, None, None, "zh"),
        (None, None, "en", "en"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("", "", "en", "en"),
    ],
)
def test_language_by_rank(explicit: str | None, environment: str | None, setting: str | None, expected: str) -> None:
    environ = {"LANG": "de_DE.UTF-8", "LC_ALL": "C"}
    if environment is not None:
        environ["GATEPOST_LANG"] = environment
    assert choose_language(explicit, setting, environ) == expected


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"explicit": "fr", "environ": {}}, "option --lang"),
        ({"environ": {"GATEPOST_LANG": "zh_CN"}}, "environment variable GATEPOST_LANG"),
        ({"setting": "中文", "environ": {}}, "setting language"),
    ],
)
def test_unknown_language_is_told(given: dict[str, object], place: str) -> None:
    set_language("en")
    with pytest.raises(UsageError) as caught:
        choose_language(**given)  # type: ignore[arg-type]  # one table for three keyword arguments
    assert str(caught.value).startswith(f"{place}: ")
    assert str(caught.value).endswith("is not a language; write zh or en")


@pytest.mark.parametrize(("environment", "expected"), [("en", "en"), ("zh", "zh"), ("klingon", "zh"), ("", "zh")])
def test_first_text_asks_the_environment(monkeypatch: pytest.MonkeyPatch, environment: str, expected: str) -> None:
    monkeypatch.setenv("GATEPOST_LANG", environment)
    i18n._Chosen.language = None
    _("Gate")
    assert language() == expected


@pytest.mark.usefixtures("dated")
def test_switch_changes_the_next_text() -> None:
    set_language("zh")
    assert _("Gate") == "门岗"
    set_language("en")
    assert _("Gate") == "Gate"


def test_text_without_translation_is_itself() -> None:
    set_language("zh")
    assert _("no catalogue holds this") == "no catalogue holds this"
    assert _("") == ""


def test_missing_catalogue_means_english(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    assert i18n._catalogue.__wrapped__("zh").gettext("option --lang") == "option --lang"


def test_catalogue_speaks_chinese() -> None:
    set_language("zh")
    assert _("{place}: {value} is not a language; write zh or en") == "{place}:{value} 不是可用的语言,请写 zh 或 en"


@pytest.mark.usefixtures("dated")
def test_error_is_translated_then_filled_in() -> None:
    error = GatepostError(N_("{file}: {day} is too late"), file="花名册.xlsx", day=date(2026, 3, 10))
    set_language("zh")
    assert explain(error) == "2026-03-10 太晚(花名册.xlsx)"
    set_language("en")
    assert explain(error) == "花名册.xlsx: 2026-03-10 is too late"


def test_values_are_data() -> None:
    set_language("en")
    error = GatepostError("{name} at {celsius:.1f}", name="\x1b[2J{celsius}\u202e[/]\n", celsius=37.25)
    assert explain(error) == "\ufffd[2J{celsius}\ufffd[/]\ufffd at 37.2"


def test_whole_path_is_told() -> None:
    set_language("en")
    path = "/".join(["a" * 50] * 10)
    assert explain(GatepostError("{file}: missing", file=path)) == f"{path}: missing"
