"""The gate screen as a guard meets it, without a terminal: a real station in a folder, driven by Textual's pilot."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Literal

from textual import events
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input, Static

from passes.keyfiles import save_key
from passes.keys import key_id_of
from passes.trust import USE_SEALING, TrustedKey, sign_trust_list
from station import settings
from station.app import GatepostApp
from station.assembly import Station, open_station
from station.devices.manager import Device, DeviceState
from station.devices.measurement import DeviceEvent, LinkState, Measurement
from station.devices.scanner.wedge import END_GAP_S
from station.i18n import set_language
from station.issuing import Desk
from station.register import PassRow
from station.screens.dealer import Scanner
from station.screens.gate import GateScreen
from station.screens.messages import DeviceSaid, ThermometerSaid
from station.shifts import open_shift
from station.widgets.lines import CountLine, HealthLine, HintLine, PassageList, StatusLine
from station.widgets.reading_panel import ReadingPanel
from station.widgets.scan_field import ScanField
from station.widgets.verdict_panel import VerdictPanel
from sync.bodies import PassageRecorded
from sync.events import read_body
from sync.sealing import save_digest_key
from tests.station.post import COMMUNITY, DIGESTING, KEY, ROOT, SEALING, HandClock, Post

GUARD = "周师傅"
PATIENCE_S = 20.0
WALL_CELSIUS = 23.0


def make_station(folder: Path, *, language: Literal["zh", "en"] = "en", on_duty: bool = True, port: str = "") -> Path:
    """Write a station that works alone, and say where it is."""
    at = folder / "station"
    at.mkdir()
    key = TrustedKey(key_id=KEY.key_id, public_key=KEY.public_key, community=COMMUNITY)
    sealing = TrustedKey(key_id_of(SEALING.public_key), SEALING.public_key, COMMUNITY, use=USE_SEALING)
    (at / settings.TRUST_FILE).write_bytes(sign_trust_list(ROOT, COMMUNITY, [key, sealing], 1))
    save_digest_key(at / settings.DIGEST_KEY_FILE, DIGESTING)
    save_key(at / settings.ISSUING_KEY_FILE, KEY)
    (at / settings.ROOT_FILE).write_text(ROOT.public_key.hex())
    post = Post(at)
    if on_duty:
        open_shift(post.journal, post.register, post.clock, [GUARD])
    post.journal.close()
    settings.save_settings(
        at,
        settings.Settings(
            station=settings.StationSettings("G1", "North gate"),
            community=settings.CommunitySettings(COMMUNITY, "Test", "Asia/Shanghai"),
            gate=settings.GateSettings(language=language),
            thermometer=settings.ThermometerSettings(port=port),
        ),
    )
    return at


@dataclass
class Console:
    """The guard's hands and eyes."""

    app: GatepostApp
    pilot: Pilot[None]
    station: Station
    clock: HandClock
    screen: GateScreen = field(init=False)
    _pressed_s: float = 0.0

    def __post_init__(self) -> None:
        self.screen = next(screen for screen in self.app.screen_stack if isinstance(screen, GateScreen))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for a state of the screen or the journal."""
        deadline_s = monotonic() + PATIENCE_S
        while not is_so():
            assert monotonic() < deadline_s, f"{self.verdict!r} {self.rows()}"
            await self.pilot.pause()

    async def paste(self, text: str) -> None:
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    async def scan(self, text: str) -> None:
        """Let a code come in as one piece, then Enter."""
        await self.paste(text)
        await self.press("enter")

    async def wedge(self, text: str) -> None:
        """Let a code come in key by key without a pause between, as from a keyboard-wedge scanner."""
        await self._hand_moves()
        for char in text:
            self.app.post_message(events.Key(char, char))
        self.app.post_message(events.Key("enter", "\r"))
        self._pressed_s = monotonic()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self._hand_moves()
        await self.pilot.press(*keys)
        self._pressed_s = monotonic()

    async def _hand_moves(self) -> None:
        """Wait as long as a hand takes between the scanner and the keyboard at the very least."""
        await self.until(lambda: monotonic() - self._pressed_s > END_GAP_S)

    async def say(self, event: DeviceEvent) -> None:
        if isinstance(event, LinkState):
            self.screen.post_message(DeviceSaid(DeviceState(Device.THERMOMETER, "thermometer.port", event)))
        else:
            self.screen.post_message(ThermometerSaid(event))
        await self.pilot.pause()

    async def sees(self, celsius: float, frames: int = 6) -> None:
        """Let the thermometer send so many frames of one temperature."""
        for _ in range(frames):
            self.clock.move(0.1)
            await self.say(Measurement(celsius, "surface", WALL_CELSIUS, b"\x5a", "test", self.clock.monotonic_s()))

    async def measure(self, celsius: float) -> None:
        """Put a forehead before the thermometer and take it away again."""
        await self.sees(celsius)
        await self.sees(WALL_CELSIUS, frames=2)

    async def admit(self, token: str, celsius: float = 36.5) -> None:
        """Let one person pass; the next comes a minute later."""
        await self.scan(token)
        await self.measure(celsius)
        await self.press("enter")
        self.clock.move(60)

    async def fill_in(self, **values: str) -> None:
        """Write into the dialog's fields and press Enter."""
        await self.write(**values)
        await self.press("enter")

    async def write(self, **values: str) -> None:
        """Write into the dialog's fields."""
        for name, value in values.items():
            line = self.app.screen.query_one(f"#{name}", Input)
            line.focus()
            line.value = ""
            await self.paste(value)

    def issue(self, holder: str = "王小明", kind: str = "resident") -> PassRow:
        from datetime import date

        from passes.kinds import PRESETS
        from station.issuing import Application

        desk = Desk(self.station.journal, self.station.register, KEY, COMMUNITY, self.clock)
        return desk.issue(Application(holder, "3-2-501", PRESETS[kind], date(2026, 1, 1), date(2026, 12, 31)))

    @property
    def verdict(self) -> str:
        return text_of(self.screen.query_one(VerdictPanel))

    @property
    def colour(self) -> str:
        """The verdict's colour as its class; nobody's is empty."""
        return " ".join(self.screen.query_one(VerdictPanel).classes)

    @property
    def reading(self) -> str:
        return text_of(self.screen.query_one(ReadingPanel))

    @property
    def recent(self) -> str:
        return text_of(self.screen.query_one(PassageList))

    @property
    def status(self) -> str:
        return text_of(self.screen.query_one(StatusLine))

    @property
    def counts(self) -> str:
        return text_of(self.screen.query_one(CountLine))

    @property
    def health(self) -> str:
        return text_of(self.screen.query_one(HealthLine))

    @property
    def hints(self) -> list[str]:
        """What the guard is told about a key that did nothing; empty or one sentence."""
        told = text_of(self.screen.query_one(HintLine))
        return [told] if told else []

    @property
    def is_ready(self) -> bool:
        """Whether the gate is in front and what is typed goes into its field."""
        return self.app.screen is self.screen and isinstance(self.app.focused, ScanField)

    def passages(self) -> list[PassageRecorded]:
        bodies = [read_body(event.kind, event.body) for _n, event in self.station.journal.read()]
        return [body for body in bodies if isinstance(body, PassageRecorded)]

    def rows(self) -> list[str]:
        """Say of every recorded passage who, or what was read, and how it ended."""
        return [f"{body.holder or body.scan} {body.outcome}" for body in self.passages()]


@asynccontextmanager
async def gate(
    folder: Path,
    *,
    size: tuple[int, int] = (80, 24),
    language: Literal["zh", "en"] = "en",
    on_duty: bool = True,
    scanner: Scanner | None = None,
    before: Callable[[Station], object] = lambda _station: None,
    screen: settings.ScreenSettings | None = None,
    keys: dict[str, str] | None = None,
) -> AsyncIterator[Console]:
    """Open a new station's gate screen; `before` may write into the journal first."""
    clock = HandClock()
    set_language(language)
    with open_station(make_station(folder, language=language, on_duty=on_duty), clock) as station:
        before(station)
        if screen:
            station.settings.screen = screen
        if keys:
            station.settings.keys = keys
        app = GatepostApp(station, scanner=scanner)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield Console(app, pilot, station, clock)


def text_of(widget: Static) -> str:
    """Return what a widget shows."""
    content = widget.content
    return content.plain if isinstance(content, Content) else str(content)
