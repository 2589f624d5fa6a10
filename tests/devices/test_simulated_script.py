"""Scripts for simulated devices: every line means one act, and a wrong one is told with its number."""

from itertools import islice
from pathlib import Path

import pytest

from station.devices.acting import CARD_READER, THERMOMETER, every_card, perform
from station.devices.idcard.card import UnknownCardError
from station.devices.idcard.reader import IdCardReader
from station.devices.idcard.simulator import PEOPLE, SimulatedCardReader
from station.devices.measurement import Link, LinkState
from station.devices.simulated_script import Act, ScriptError, a_queue, read_script
from tests.devices.listening import wait_until


def written(folder: Path, text: str) -> Path:
    path = folder / "script"
    path.write_text(text, "utf-8")
    return path


def test_what_lines_mean(tmp_path: Path) -> None:
    text = "\ufeff# a remark\n\npresent 36.5 for 3s\r\nPresent 38,1\n".replace("38,1", "38.1")
    text += "leave 2s\nleave\nnoise 500ms\nstuck for 2min\nunplug 3\npause ０.５s # again\npresent -5\n"
    assert read_script(written(tmp_path, text), THERMOMETER) == [
        Act("present", 36.5, 3.0),
        Act("present", 38.1, 3.0),
        Act("leave", None, 2.0),
        Act("leave", None, 2.0),
        Act("noise", None, 0.5),
        Act("stuck", None, 120.0),
        Act("unplug", None, 3.0),
        Act("pause", None, 0.5),
        Act("present", -5.0, 3.0),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dance 3s", ["line 2", '"dance"', "present, leave"]),
        ("present", ["line 2", "present 36.5 3s"]),
        ("present warm", ["present warm", "present 36.5 3s"]),
        ("present nan", ["present nan"]),
        ("present 301", ["present 301"]),
        ("present 36.5 for", ["present 36.5 for"]),
        ("present 36.5 for 3h", ["present 36.5 for 3h"]),
        ("leave 3s now", ["leave 3s now", "leave 2s"]),
        ("leave 86401s", ["leave 86401s"]),
        ("leave -1s", ["leave -1s"]),
        ("\x1b[2J", ["line 2", "\ufffd[2J"]),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, line: str, words: list[str]) -> None:
    path = written(tmp_path, f"leave\n{line}\n")
    with pytest.raises(ScriptError) as caught:
        read_script(path, THERMOMETER)
    assert all(word in str(caught.value) for word in [str(path), *words])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xff\xfe", b"leave\n" * 200_000])
def test_what_is_no_script(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "script"
    path.write_bytes(data)
    with pytest.raises(ScriptError, match="script"):
        read_script(path, THERMOMETER)


def test_the_queue_is_repeatable_and_of_people() -> None:
    acts = list(islice(a_queue(7), 400))
    assert acts == list(islice(a_queue(7), 400))
    people = [act.value for act in acts if act.verb == "present"]
    assert [act.verb for act in acts[:4]] == ["present", "leave"] * 2
    assert 33.5 <= min(people) < 35.0 < 37.3 < max(people) <= 39.4


@pytest.mark.parametrize("line", ["place nobody", "place", "error 90", "error zz", "error", "lift lift"])
def test_a_card_reader_has_its_own_verbs(tmp_path: Path, line: str) -> None:
    assert read_script(written(tmp_path, "place hmt for 1s\nerror 66\n"), CARD_READER)[1] == Act("error", "66", 2.0)
    with pytest.raises(ScriptError):
        read_script(written(tmp_path, line), CARD_READER)


def test_every_card_is_put_on_and_lifted_and_troubles_are_told_over_tcp() -> None:
    heard: list[object] = []
    with SimulatedCardReader(transport="socket", extra_aa=0) as simulated:
        reader = IdCardReader(simulated.url, heard.append, poll_every_s=0.01)
        reader.start()
        for act in islice(every_card(), 8):
            known, finds = len(heard), simulated.finds
            perform(simulated, act)
            if act.verb == "place":
                wait_until(lambda known=known: len(heard) > known, "no card")  # type: ignore[misc]  # mypy cannot infer it
            wait_until(lambda finds=finds: simulated.finds > finds + 2, "not asked")  # type: ignore[misc]  # the same
        for status, word in (("66", "not ready"), ("31", "genuine"), ("41", "could not be read")):
            perform(simulated, Act("error", status, 1.0))
            wait_until(lambda word=word: word in str(heard[-1]), "no trouble")  # type: ignore[misc]  # the same
        perform(simulated, Act("unplug", None, 1.0))
        wait_until(lambda: isinstance(heard[-1], LinkState) and heard[-1].state is Link.ABSENT, "not gone")
        perform(simulated, Act("pause", None, 1.0))  # plugged in again, and silent
        wait_until(lambda: isinstance(heard[-1], LinkState) and heard[-1].state is Link.SILENT, "not silent")
        reader.stop()
    told = [event for event in heard if not isinstance(event, LinkState)]
    assert told[:3] == list(PEOPLE)
    assert isinstance(told[3], UnknownCardError)
