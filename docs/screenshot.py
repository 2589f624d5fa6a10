"""Makes docs/screenshots/gate-zh.svg and gate-en.svg from the running app; `make screenshots` calls it.

The station, its journal, the community that it sends to and the thermometer's line are real and live in a temporary
folder; the people are invented. The wall clock is moved by hand, so the same picture comes out every time.
"""

import asyncio
import html
import re
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widget import Widget

from passes.kinds import PRESETS
from passes.policy import Outcome
from passes.trips import Direction
from station import shifts
from station.app import GatepostApp
from station.assembly import Station, open_station
from station.clock import SystemClock
from station.devices.simulator import SimulatedThermometer
from station.i18n import Language, _, set_language
from station.issuing import Application
from station.joining import join
from station.lane import make_lane
from station.register import PassRow
from station.settings import GateSettings, ThermometerSettings
from station.widgets.scan_field import ScanField
from sync.community.api import make_app
from sync.community.database import open_engine
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
from sync.community.setup import enrol_station, set_up_community

FOLDER = Path(__file__).parent / "screenshots"
SIZE = (80, 24)
ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_S = 20.0
# The simulator wobbles by 0.05. A reading is shown cut to tenths and the ambient temperature rounded: with these two
# the tenths stay the same.
FOREHEAD_CELSIUS, AMBIENT_CELSIUS = 36.55, 12.3

_OUT, _IN = Direction.EXIT, Direction.ENTRY
_FONTS = "'DejaVu Sans Mono', Menlo, Consolas, monospace, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei'"
_CELL_PX, _WIDE_GLYPH_PX = 12.2, 20.0
_TEXT = re.compile(
    r'<text class="(?P<style>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength[^>]*>(?P<text>[^<]*)<'
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The invented names of one picture: the checkpoint, its guard, and the holders with the kinds of their passes."""

    station: str
    guard: str
    holders: tuple[tuple[str, str], ...]


CASTS: dict[Language, Cast] = {
    "zh": Cast(
        "东门 1 号岗",
        "周师傅",
        (
            ("赵小东", "resident"),
            ("钱小南", "tenant"),
            ("孙大春", "courier"),
            ("李晨", "resident"),
            ("吴大夏", "resident"),
            ("郑小北", "visitor"),
        ),
    ),
    "en": Cast(
        "East gate 1",
        "Pat Example",
        (
            ("Ann Sample", "resident"),
            ("Ben Sample", "tenant"),
            ("Cleo Model", "courier"),
            ("Dan Model", "resident"),
            ("Eve Fiction", "resident"),
            ("Finn Fiction", "visitor"),
        ),
    ),
}

MORNING = (
    ("03-09 17:20:14", 0, _OUT, 36.4),
    ("03-09 18:02:51", 0, _IN, 36.6),
    ("03-10 08:01:12", 1, _OUT, 36.4),
    ("03-10 08:03:40", 2, _IN, 36.7),
    ("03-10 08:05:26", 3, _OUT, 38.2),
    ("03-10 08:06:03", 4, _OUT, 36.5),
    ("03-10 08:08:17", 2, _OUT, 36.6),
    ("03-10 08:09:33", 1, _IN, 36.3),
    ("03-10 08:10:58", 1, _OUT, 36.3),
    ("03-10 08:12:02", 5, _IN, 36.8),
)
"""Local time, who of the cast, which way, how warm: what happened before the picture."""


class MovedClock(SystemClock):
    """A wall clock that stands where it was put; the monotonic one runs, for the thermometer."""

    def __init__(self) -> None:
        self._at_ms = 0

    def put(self, local: str) -> None:
        """Set the wall time, given as `month-day hour:minute:second` in the community's zone."""
        self._at_ms = round(datetime.fromisoformat(f"2026-{local}").replace(tzinfo=ZONE).timestamp() * 1000)

    def now_ms(self) -> int:
        """Return the wall time as UTC milliseconds."""
        return self._at_ms


@contextmanager
def community_in(folder: Path, cast: Cast, clock: MovedClock) -> Iterator[Path]:
    """Found a community, serve it on loopback, and yield the enrolment file of its one station."""
    settings = CommunitySettings(
        CommunityTable("999999000001", "海棠社区", ZONE.key),
        DatabaseTable("sqlite:///community.sqlite"),
        ServerTable("http://127.0.0.1:1"),
    )
    set_up_community(folder, settings, clock.now_ms())
    engine = open_engine(settings.database_url(folder))
    api = make_app(engine, settings.community.id, clock.now_ms)
    server = uvicorn.Server(uvicorn.Config(api, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, name="community")
    thread.start()
    try:
        wait_for(lambda: server.started, "the community's server")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield enrol_station(
            folder,
            settings,
            engine,
            "east-1",
            cast.station,
            url=f"http://127.0.0.1:{port}",
            issue=True,
            now_ms=clock.now_ms(),
        )
    finally:
        server.should_exit = True
        thread.join()
        engine.dispose()


def live_through(station: Station, cast: Cast, clock: MovedClock) -> list[PassRow]:
    """Issue the cast's passes and let `MORNING` happen; temperatures are typed, the picture does not show that."""
    desk, today = station.desk(), station.gate.today()
    rows = [
        desk.issue(Application(name, f"{i + 1}-2-{i + 3}01", PRESETS[kind], today, today.replace(month=12, day=31)))
        for i, (name, kind) in enumerate(cast.holders)
    ]
    shifts.open_shift(station.journal, station.register, clock, [cast.guard])
    lane = make_lane(station)
    for at, who, way, celsius in MORNING:
        clock.put(at)
        lane.direction = way
        lane.scan(rows[who].token)
        if lane.is_pending:
            lane.type_reading(celsius, "-")
        if lane.is_pending and lane.current:
            lane.record(acknowledged=lane.current.verdict.outcome is Outcome.ATTENTION)
    return rows


@asynccontextmanager
async def running(station: Station) -> AsyncIterator[tuple[GatepostApp, Pilot[None]]]:
    """Run the app without a terminal until the thermometer answers and the community has everything."""
    app = GatepostApp(station)
    async with app.run_test(size=SIZE) as pilot:
        await until_shown(app, pilot, _("{device} OK").format(device=_("thermometer")), _("all sent"), _("clock OK"))
        yield app, pilot


async def picture(station: Station, thermometer: SimulatedThermometer, token: str) -> str:
    """Scan `token` in the running app, hold a forehead before the thermometer, and return the screen as SVG."""
    async with running(station) as (app, pilot):
        thermometer.present(FOREHEAD_CELSIUS)
        app.screen.query_one(ScanField).value = token
        await pilot.press("enter")
        await until_shown(app, pilot, _("ALLOW"), _("normal"), _("all sent"))
        svg = app.export_screenshot(title=app.TITLE)
    return on_grid(svg)


def on_grid(svg: str) -> str:
    """Return a picture of Rich's with every character in its own cell and no fonts fetched from elsewhere.

    Rich counts a Chinese character as one cell when it says how long a text is, so the browser would squeeze it.
    """
    svg = re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", svg)
    svg = _TEXT.sub(_placed, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def _placed(match: re.Match[str]) -> str:
    """Say the place of every character; a wide one stands in the middle of its two cells."""
    places, characters, x = [], [], float(match["x"])
    for character in html.unescape(match["text"]):
        width = cell_len(character)
        if not character.isspace():
            places.append(f"{x + (width * _CELL_PX - _WIDE_GLYPH_PX) / 2 if width == 2 else x:.1f}")
            characters.append(html.escape(character))
        x += width * _CELL_PX
    return f'<text class="{match["style"]}" y="{match["y"]}" x="{" ".join(places)}">{"".join(characters)}<'


async def until_shown(app: GatepostApp, pilot: Pilot[None], *texts: str) -> None:
    """Wait until the screen shows every one of `texts`; raises TimeoutError naming them."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not all(text in _shown(app) for text in texts):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not on the screen: {texts}")
        await pilot.pause(0.05)


def _shown(app: GatepostApp) -> str:
    return "\n".join(str(widget.render()) for widget in app.screen.walk_children(Widget))


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    """Wait until `is_so`; raises TimeoutError naming `what`."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError(what)
        time.sleep(0.01)


def main() -> None:
    """Make both pictures."""
    for language, cast in CASTS.items():
        set_language(language)
        clock = MovedClock()
        clock.put("03-09 17:00:00")
        with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
            folder = Path(name)
            with (
                community_in(folder / "community", cast, clock) as enrolment,
                SimulatedThermometer(folder / "line", ambient_celsius=AMBIENT_CELSIUS) as thermometer,
            ):
                line = ThermometerSettings(port=thermometer.url)
                join(folder / "station", enrolment, line, GateSettings(language=language))
                with open_station(folder / "station", clock) as station:
                    rows = live_through(station, cast, clock)
                    clock.put("03-10 08:12:45")
                    svg = asyncio.run(picture(station, thermometer, rows[0].token))
        (FOLDER / f"gate-{language}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
