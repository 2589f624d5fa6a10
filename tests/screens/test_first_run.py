"""The first run: a new laptop becomes a station, step by step, and nothing of it is there before the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import ClassVar, Literal

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from passes.errors import GatepostError
from station import first_run as questions
from station.access import Role
from station.assembly import open_station
from station.devices.guessing import Confidence, Proposal
from station.devices.listening import Heard
from station.devices.ports import Likeness, PortInfo
from station.devices.printers.found import FoundPrinter
from station.first_run import ANSWERS_FILE, FieldError, FirstRun, Step, is_needed
from station.i18n import set_language
from station.joining import AddressError, CodeError
from station.screens.first_run import FirstRunScreen
from station.screens.first_run_app import FirstRunApp
from station.setting_up import ClockError
from station.settings import load_settings
from station.widgets.device_rows import PortPanel, Rows
from sync.enrolment import Enrolment, EnrolmentError
from tests.screens.console import PATIENCE_S, text_of
from tests.station.post import COMMUNITY
from tests.station.test_joining import enrolment

SIZES = [(80, 24), (40, 12)]


@dataclass
class Laptop:
    """The hands and eyes of whoever sets it up."""

    app: FirstRunApp
    pilot: Pilot[bool]

    @property
    def screen(self) -> FirstRunScreen:
        assert isinstance(self.app.screen, FirstRunScreen)
        return self.app.screen

    def on(self, step: Step) -> bool:
        return self.screen.step is step

    @property
    def rows(self) -> str:
        return text_of(self.screen.query_one(Rows))

    @property
    def trouble(self) -> str:
        return text_of(self.screen.query_one("#trouble", Static))

    @property
    def marked(self) -> str:
        return self.screen.marked.name

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        """Write into the field, as an input method does, and press Enter."""
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()
        await self.press("enter")

    async def until(self, is_so: Callable[[], bool]) -> None:
        deadline_s = monotonic() + PATIENCE_S
        while not is_so():
            assert monotonic() < deadline_s, (self.rows, self.trouble)
            await self.pilot.pause()

    async def scan(self, code: str) -> None:
        for char in code:
            self.app.post_message(events.Key(char, char))
        self.app.post_message(events.Key("enter", "\r"))
        await self.pilot.pause()


@asynccontextmanager
async def laptop(
    folder: Path, size: tuple[int, int] = (80, 24), language: Literal["zh", "en"] = "en"
) -> AsyncIterator[Laptop]:
    set_language(language)
    app = FirstRunApp(FirstRun.take_up(folder, language))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Laptop(app, pilot)


def play(folder: Path, story: Callable[[Laptop], Awaitable[None]], **how: object) -> object:
    async def told() -> object:
        async with laptop(folder, **how) as made:  # type: ignore[arg-type] # as `laptop` takes it
            await story(made)
        return made.app.return_value

    return asyncio.run(told())


@pytest.fixture(autouse=True)
def no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine have no ports and no printers, whatever hangs on it."""
    monkeypatch.setattr("station.screens.first_run.list_ports", list)
    monkeypatch.setattr("station.devices.printers.found.list_printers", tuple)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_alone_to_the_end(tmp_path: Path, size: tuple[int, int], language: Literal["zh", "en"]) -> None:
    folder = tmp_path / "s"

    async def story(at: Laptop) -> None:
        await at.press("enter")
        assert at.on(Step.COMMUNITY)
        await at.press("left")
        assert ("暂不加入" if language == "zh" else "alone for now") in at.rows
        await at.press("f10")
        await at.until(lambda: at.trouble != "" and at.marked == "name")
        await at.write("东门\x1b[2J")
        await at.write("平安里")
        await at.write("Asia/Nowhere")
        await at.until(lambda: "Asia/Nowhere" in at.trouble and at.marked == "zone")
        await at.press("ctrl+u")
        await at.write("Asia/Shanghai")
        await at.until(lambda: at.on(Step.DEVICES))
        await at.press("f10")
        assert at.on(Step.PRINTER)
        await at.press("f10")
        assert at.on(Step.PEOPLE)
        await at.write("张带班")
        await at.press("right", "enter")
        await at.write("1234")
        await at.write("1234")
        assert at.marked == "pin"
        assert "1234" not in at.rows
        await at.press("ctrl+u")
        await at.write("2580")
        await at.press("ctrl+u")
        await at.write("2580")
        assert "张带班" in at.rows
        await at.press("f10")
        assert at.on(Step.LAST)
        assert not (folder / "settings.toml").exists()
        await at.press("enter")
        await at.until(lambda: at.app.return_value is True)

    assert play(folder, story, size=size, language=language) is True
    settings = load_settings(folder)
    assert (settings.station.name, settings.community.name, settings.community.alone) == (
        "东门\N{REPLACEMENT CHARACTER}[2J",
        "平安里",
        True,
    )
    assert settings.gate.language == language
    assert not (folder / ANSWERS_FILE).exists()
    with open_station(folder) as station:
        assert station.access.verify("张带班", "2580", Role.LEAD)
        assert station.desk()


def test_it_is_left_and_taken_up_and_given_up_without_a_trace(tmp_path: Path) -> None:
    folder = tmp_path / "s"

    async def leaves(at: Laptop) -> None:
        await at.press("enter", "left", "down")
        await at.write("东门")
        await at.press("f10")
        await at.until(lambda: at.on(Step.DEVICES))
        await at.press("f10", "f10")
        await at.write("周师傅")
        await at.press("down")
        await at.write("2580")
        await at.write("2580")
        assert "with PIN" in at.rows
        await at.press("ctrl+q")

    async def takes_up(at: Laptop) -> None:
        assert at.on(Step.PEOPLE)
        assert "without PIN" in at.rows
        await at.press("escape", "escape", "escape")
        assert "东门" in at.rows
        await at.press("f12")
        assert "forgotten" in at.trouble
        await at.press("down", "f12")

    assert play(folder, leaves) is None
    assert [path.name for path in folder.iterdir()] == [ANSWERS_FILE]
    assert "2580" not in (folder / ANSWERS_FILE).read_text()
    assert (folder / ANSWERS_FILE).stat().st_mode & 0o077 == 0
    assert play(folder, takes_up) is None
    assert not folder.exists()


def test_a_scan_does_no_harm_on_any_page(tmp_path: Path) -> None:
    async def story(at: Laptop) -> None:
        for step in (Step.LANGUAGE, Step.COMMUNITY):
            assert at.on(step)
            before = at.rows
            await at.scan("GP1ABCDEFGHIJKLMNOP")
            await at.until(lambda: "The scanner works" in at.trouble)
            assert (at.screen.step, at.rows) == (step, before)
            assert at.screen.query_one("#value", Input).value == ""
            await at.press("f10", "down")
        await at.write("gate.example")
        await at.scan("GP1ABCDEFGHIJKLMNOP")
        await at.until(lambda: "The scanner works" in at.trouble)
        assert "gate.example" in at.rows

    play(tmp_path / "s", story)


@pytest.mark.parametrize(
    ("error", "field", "words"),
    [
        (AddressError("{url}: no community answers there", url="https://gate.example"), "address", "no community"),
        (CodeError("the code is not known here, was used, or is too old"), "code", "was used"),
        (EnrolmentError("does not open with this code"), "code", "does not open"),
        (ClockError("this machine's clock says {now}", now="1970-01-01"), "code", "1970-01-01"),
    ],
)
def test_an_error_stands_at_its_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: GatepostError, field: str, words: str
) -> None:
    def ask(_folder: Path, _address: str, _code: str) -> Enrolment:
        raise error

    monkeypatch.setattr(questions, "ask_by_code", ask)

    async def story(at: Laptop) -> None:
        await at.press("enter", "f10")
        await at.until(lambda: at.marked == "address" and "needed" in at.trouble)
        await at.write("[/]gate.example")
        await at.write("ABCDE-FGHJK-MNPQR")
        await at.until(lambda: words in at.trouble)
        assert (at.screen.step, at.marked) == (Step.COMMUNITY, field)
        assert at.app.focused is at.screen.query_one("#value")
        # What is corrected is asked anew, and then it goes on.
        monkeypatch.setattr(questions, "ask_by_code", lambda *_asked: enrolment())
        await at.press("f10")
        await at.until(lambda: at.on(Step.DEVICES))

    play(tmp_path / "s", story)


def test_by_code_to_a_station_with_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def ask(_folder: Path, address: str, code: str) -> Enrolment:
        asked.append((address, code))
        return enrolment()

    monkeypatch.setattr(questions, "ask_by_code", ask)
    ports = [PortInfo("/dev/ttyUSB0", Likeness.BRIDGE), PortInfo("/dev/ttyUSB1", Likeness.SCANNER)]
    monkeypatch.setattr("station.screens.first_run.list_ports", lambda: ports)
    monkeypatch.setattr("station.screens.first_run.PortListener", Listener)
    found = (FoundPrinter("cups:Office", "CUPS"),)
    monkeypatch.setattr("station.devices.printers.found.list_printers", lambda: found)

    async def story(at: Laptop) -> None:
        await at.press("enter", "enter")
        await at.write("gate.example")
        await at.write("ABCDE-FGHJK-MNPQR")
        await at.until(lambda: at.on(Step.DEVICES))
        # What a port says is heard and taken; what says nothing is chosen.
        await at.until(lambda: "gy-614v" in text_of(at.screen.query_one(PortPanel)))
        await at.press("f5", "down", "right", "f10")
        await at.until(lambda: "one of these" in at.trouble)
        await at.press("right")
        assert "thermometer" in at.rows
        assert "scanner" in at.rows
        await at.press("down")
        assert Listener.open == []
        await at.press("f10")
        await at.until(lambda: "cups:Office" in text_of(at.screen.query_one("#choices", Static)))
        await at.press("right", "f10", "f10")
        assert at.on(Step.LAST)
        assert "平安里" in at.rows
        await at.press("escape", "escape", "escape", "escape")
        # The same code is not used twice while nothing was changed.
        await at.press("f10")
        await at.until(lambda: at.on(Step.DEVICES))
        assert asked == [("gate.example", "ABCDE-FGHJK-MNPQR")]
        await at.press("f10", "f10", "f10", "enter")
        await at.until(lambda: at.app.return_value is True)

    assert play(tmp_path / "s", story) is True
    settings = load_settings(tmp_path / "s")
    assert (settings.station.id, settings.community.id, settings.printer.address) == ("east", COMMUNITY, "cups:Office")
    assert (settings.thermometer.port, settings.thermometer.protocol) == ("/dev/ttyUSB0", "gy-614v")
    assert [scanner.port for scanner in settings.scanners] == ["/dev/ttyUSB1"]


class Listener:
    """A port on which a thermometer speaks; `open` are those that are listened to."""

    open: ClassVar[list[str]] = []

    def __init__(self, port: str, on_event: Callable[[Heard], None]) -> None:
        self._port = port
        self._on_event = on_event

    def start(self) -> None:
        self.open.append(self._port)
        if self._port == "/dev/ttyUSB0":
            proposal = Proposal("gy-614v", Confidence.SURE, 3, 1.0, celsius=36.4)
            self._on_event(Heard(9600, 24, b"x" * 24, (proposal,)))

    def stop(self) -> None:
        self.open.remove(self._port)


def test_a_failure_at_the_end_leaves_no_station(tmp_path: Path) -> None:
    run = FirstRun.take_up(tmp_path / "s", "en")
    run.answers.enrolment = enrolment(trust_list=b"damaged")
    with pytest.raises(GatepostError):
        run.finish()
    assert not (tmp_path / "s").exists()
    run.add("周师傅", Role.GUARD, "2580", "2580")
    with pytest.raises(FieldError, match="same"):
        run.add("周师傅", Role.GUARD, "2580", "2581")
    run.answers.enrolment = enrolment()
    assert run.finish().station.id == "east"
    assert not is_needed(tmp_path / "s")
    (tmp_path / "t").write_text("in the way")
    with pytest.raises(GatepostError, match="cannot be written"):
        FirstRun.take_up(tmp_path / "t", "en").keep()
