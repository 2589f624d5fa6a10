"""`gatepost device simulate` into `gatepost device watch`, both as programs of their own, over real lines."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from station.devices import PROTOCOLS
from station.devices.idcard.simulator import PEOPLE
from tests.cli.conftest import Run
from tests.devices.listening import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals and no SIGINT")

PATIENCE_S = 60
GATEPOST = [sys.executable, "-W", "error", "-m", "station", "--lang", "en", "device"]
THERMOMETERS: list[tuple[str, list[str], bool]] = [
    *((name, [], is_tcp) for name in PROTOCOLS for is_tcp in (False, True)),
    ("gy-mcu9061x", ["query=true"], False),
    ("optris", ["mode=burst", "hs=true"], False),
    ("raytek", ["mode=burst", "unit=F"], False),
]
BOTH = pytest.mark.parametrize("is_tcp", [False, True], ids=["pty", "tcp"])


def started(*words: object, **more: Any) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [*GATEPOST, *map(str, words)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **{"stdin": subprocess.DEVNULL, **more},
    )


def ended(child: "subprocess.Popen[str]", how: int | None = signal.SIGINT) -> str:
    """End the program by Ctrl+C, or wait; check that it is fine and has nothing to complain of; return its output."""
    if how is not None:
        child.send_signal(how)
    out, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, err) == (0, "")
    return out


@contextmanager
def simulated(link: Path | None, *words: object) -> Iterator[str]:
    """Play a device behind `link`, or by TCP; yields its address and ends it by Ctrl+C."""
    where = ["--tcp", "0"] if link is None else ["--link", str(link)]
    child = started("simulate", *words, *where, "--json")
    try:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first, child.communicate()
        yield json.loads(first)["address"]
        ended(child)
        assert link is None or not os.path.lexists(link)
    finally:
        child.kill()
        child.communicate()


def watched(*words: object) -> list[dict[str, Any]]:
    """Watch until it ends by itself; return what it told."""
    out = ended(started("watch", *words, "--seconds", PATIENCE_S, "--json"), None)
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(("protocol", "options", "is_tcp"), THERMOMETERS, ids=str)
def test_every_thermometer_is_watched(protocol: str, options: list[str], is_tcp: bool, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("present 36.5 for 60s\n")
    asked = ["--protocol", protocol, *(word for option in options for word in ("--option", option))]
    with simulated(None if is_tcp else tmp_path / "line", *asked, "--script", script) as url:
        assert url.startswith("socket://127.0.0.1:") == is_tcp
        told = watched(url, *asked, "--count", 2)
    assert {"link": "connected", "sentence": f"{url}: the thermometer answers"}.items() <= told[0].items()
    people = [one for one in told if "celsius" in one and "error" not in one]
    assert [one["celsius"] for one in people] == pytest.approx([36.5] * 2, abs=0.11)
    assert {(one["protocol"], one["kind"]) for one in people} == {
        (protocol, "body" if protocol == "gy-614v" else "surface")
    }


@BOTH
def test_a_scanner_is_watched_and_its_codes_are_shortened(is_tcp: bool, tmp_path: Path) -> None:
    words = ["scanner", "--every", "0.2", "--terminator", "none", "--aim", "--chunks", "20", "--doubled"]
    with simulated(None if is_tcp else tmp_path / "line", *words) as url:
        # The first may have been under way when the port was opened.
        told = watched(url, "--protocol", "scanner", "--count", 3)[-2:]
        whole = watched(url, "--protocol", "scanner", "--count", 2, "--unmask")[-1]
    assert [(len(one["code"]), one["code"][:3], one["characters"]) for one in told] == [(9, "GP1", 203)] * 2
    assert len(whole["code"]) == 203


@BOTH
def test_an_id_card_reader_is_watched_and_its_cards_are_masked(is_tcp: bool, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("error 66 for 600ms\nplace resident for 800ms\nlift 600ms\nplace unknown 800ms\nlift 600ms\n")
    with simulated(None if is_tcp else tmp_path / "line", "idcard", "--script", script, "--extra-aa", "3") as url:
        told = watched(url, "--protocol", "samv", "--count", 2)
        whole = watched(url, "--protocol", "samv", "--count", 1, "--unmask")[-1]
    card = next(one for one in told if "card" in one)
    assert (card["name"], card["number"], card["birth"]) == ("王*明", "*" * 14 + "0017", "1985-**-**")
    assert card["address"] == "幸福市***"
    assert (whole["name"], whole["number"]) == (PEOPLE[0].name, PEOPLE[0].id_number)
    errors = [one["error"] for one in told if "error" in one]
    assert "unknown_card" in errors
    assert PEOPLE[0].id_number not in json.dumps(told)


def test_a_script_in_front_of_a_watch_without_end(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("leave 300ms  # the wall\nnoise 1s\nstuck 300ms\nunplug 300ms\npresent 38.5 for 3s\n")
    with simulated(tmp_path / "line", "--protocol", "gy-mcu9061x", "--script", script) as url:
        child = started("watch", url, "--protocol", "gy-mcu9061x")
        words = ("absent:", "connected:", "checksum:", "no person's temperature", "38.5", "skin")
        assert child.stdout is not None
        text = ""
        while not all(word in text for word in words):
            assert text.count("\n") < 5000, text[-2000:]
            text += child.stdout.readline()
        ended(child)


def test_a_script_may_end(tmp_path: Path) -> None:
    script, link = tmp_path / "script", tmp_path / "line"
    script.write_text("# nothing\nPRESENT ３６．５ for 10ms\nleave\t0.01s\npause 0\nunplug 10ms\n", "utf-8")
    words = ["simulate", "--protocol", "text", "--script", script, "--link", link, "--once"]
    assert ended(started(*words), None).splitlines() == [
        f"{link}: a simulated device, protocol text; Ctrl+C ends it",
        *("present 36.5 for 0.01s", "leave for 0.01s", "pause for 0s", "unplug for 0.01s"),
    ]
    assert not os.path.lexists(link)


def test_being_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    child = started("simulate", "--protocol", "optris", "--json")
    assert child.stdout is not None
    link = Path(json.loads(child.stdout.readline())["address"])
    assert link.is_symlink()
    ended(child, signal.SIGTERM)
    assert not link.parent.exists()


def test_the_same_seed_plays_the_same_people(tmp_path: Path) -> None:
    def acts(seed: int) -> list[str]:
        child = started("simulate", "--protocol", "optris", "--seed", seed)
        assert child.stdout is not None
        found = [child.stdout.readline() for _ in range(2)][1:]
        ended(child)
        return found

    assert acts(1) == acts(1) != acts(2)


def test_codes_of_standard_input_are_sent_as_they_come(tmp_path: Path) -> None:
    link = tmp_path / "line"
    scanner = started("simulate", "scanner", "--codes", "-", "--link", link, stdin=subprocess.PIPE)
    assert scanner.stdout is not None
    assert scanner.stdin is not None
    scanner.stdout.readline()
    watch = started("watch", link, "--protocol", "scanner", "--count", 2, "--unmask")
    assert watch.stdout is not None
    assert "connected" in watch.stdout.readline()
    for code in ("ABC-DEF-GHK", "第二个"):
        scanner.stdin.write(f"{code}\n")
        scanner.stdin.flush()
        assert watch.stdout.readline().split()[-1] == code
    assert ended(watch, None) == ""
    scanner.stdin.close()
    scanner.stdin = None
    assert ended(scanner, None).splitlines() == ["ABC-DEF-GHK", "第二个"]


def test_a_device_that_comes_later_is_picked_up_and_too_few_are_told(run: Run, tmp_path: Path) -> None:
    link = tmp_path / "line"
    child = started("watch", link, "--protocol", "text", "--count", 1, "--json")
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["link"] == "absent"
    with simulated(link, "--protocol", "text"):
        wait_until(lambda: child.poll() is not None, "never picked up")
    assert "celsius" in ended(child, None)
    told = run("device", "watch", link, "--protocol", "text", "--count", 3, "--seconds", 0.3)
    assert (told.code, told.err) == (1, f"{link}: 0 of 3 came within 0.3 seconds\n")
    assert run("device", "watch", link, "--protocol", "text", "--seconds", 0.2).code == 0


@pytest.mark.parametrize("words", [["--lang", "zh"], []])
def test_somebody_who_stops_reading_is_no_traceback(words: list[str], tmp_path: Path) -> None:
    with simulated(tmp_path / "line", "--protocol", "gy-mcu9061x") as url:
        child = started("watch", url, "--protocol", "gy-mcu9061x")
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr is not None
        assert (child.wait(PATIENCE_S), child.stderr.read()) == (1, "")
        child.stderr.close()
