"""The quiet lines of the gate screen: status, last passages, counts, health."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from passes.errors import N_
from passes.masking import mask_name, mask_plate
from passes.plaintext import plain
from passes.trips import Direction
from station import wording
from station.counting import Counts
from station.devices.manager import Device, DeviceState
from station.devices.measurement import Link
from station.i18n import _, explain
from station.logbook import LoggedPassage
from station.outbox import Backlog
from station.register import ShiftRow
from station.resting import Rester
from station.screens.catalogue import at_gate

if TYPE_CHECKING:
    from sync.courier import CourierState

DRIFT_TOLD_MS = 120_000
"""A device clock that is off by more than this is told to the guard (design section 6)."""

AMBER_AFTER_MS = 60_000
"""A cable that is pushed in again within a minute has troubled nobody."""

_DIRECTION_CELLS = 3
"""The widest word for a direction, OUT."""


class StatusLine(Static):
    """Where this is, which way the lane goes, who is on duty and since when, and the time."""

    DEFAULT_CSS = "StatusLine { height: 1; padding: 0 1; background: $primary; color: $text; }"

    def __init__(self, zone: tzinfo) -> None:
        super().__init__(markup=False)
        self._zone = zone
        self._lefts = [""]
        self._right = ""

    def show(self, station_name: str, direction: Direction, shift: ShiftRow | None, now_ms: int) -> None:
        """Show the line at the instant `now_ms` (UTC milliseconds)."""
        on_duty = [_("nobody on duty")]
        if shift:
            guards = [plain(guard, 16) for guard in shift.guards]
            since = wording.clock_time(shift.opened_ms, self._zone)[:5]
            short = f"{guards[0]} +{len(guards) - 1}" if guards[1:] else guards[0]
            told = _("{guards} since {since}")
            on_duty = [told.format(guards=one, since=since) for one in (", ".join(guards), short)] + [short]
        way = _("Direction {direction}").format(direction=_(wording.DIRECTIONS[direction]))
        self._lefts = ["   ".join([_("Gatepost"), plain(station_name, 24), way, one]) for one in on_duty]
        self._right = wording.clock_time(now_ms, self._zone)
        self.on_resize()

    def on_resize(self) -> None:
        """Put the time to the right edge, and before it as much as fits whole; less than the shortest is cut."""
        room = max(0, self.content_size.width - Content(self._right).cell_length - 1)
        left = next((one for one in self._lefts if Content(one).cell_length <= room), self._lefts[-1])
        self.update(Content(f"{column(left, room)} {self._right}"), layout=False)


class HintLine(Static):
    """Why the guard's last key did nothing; its place is fixed, so that it never covers a verdict or a reading."""

    DEFAULT_CSS = """
    HintLine {
        height: 1; padding: 0 2; color: $text-warning; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)


class RestLine(Static):
    """Who rests after a fever and comes back to be measured; away while nobody does."""

    DEFAULT_CSS = """
    RestLine { height: 1; display: none; padding: 0 1; background: $warning; color: $text; text-overflow: ellipsis; }
    RestLine.-somebody { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, resting: Sequence[tuple[Rester, int]], now_ms: int) -> None:
        """Show everybody and how long each still rests; those who may be measured again stand first."""
        self.set_class(bool(resting), "-somebody")
        if resting:
            people = [f"{mask_name(one.body.holder or '')} {wording.rest(ends, now_ms)}" for one, ends in resting]
            self.update(Content("   ".join([at_gate(_("Resting (F7)")), *people])), layout=False)


class PassageList(Static):
    """The last passages, newest first."""

    DEFAULT_CSS = """
    PassageList { height: 1fr; min-height: 4; padding: 0 1; text-wrap: nowrap; text-overflow: clip; }
    """

    def __init__(self, zone: tzinfo) -> None:
        super().__init__(markup=False)
        self._zone = zone

    def show(self, passages: list[LoggedPassage]) -> None:
        """Show one line a passage."""
        if not passages:
            self.update(Content(_("No passage yet: scan the first pass")))
            return
        self.update(Content("\n").join(self._line(passage) for passage in passages))

    def _line(self, passage: LoggedPassage) -> Content:
        body = passage.body
        name = mask_name(body.holder) if body.holder else _("(no pass)")
        place = plain(body.address or "")
        if body.vehicle:
            name, place = mask_plate(body.vehicle.plate), wording.people_in_vehicle(1 + len(body.companions))
        reading = wording.celsius_text(body.attempts[-1].celsius if body.attempts else None)
        why = wording.in_short(body.reasons) if body.outcome != "turned_back" else plain(body.remark or "", 40)
        cells = [
            wording.clock_time(passage.at_ms, self._zone),
            column(_(wording.DIRECTIONS[body.direction]), _DIRECTION_CELLS),
            column(name, 10),
            column(place, 13),
            f"{reading:>5}",
            column(_("taken back") if passage.is_undone else _(wording.OUTCOMES[body.outcome]), 11),
            why,
        ]
        return Content("  ".join(cells).rstrip())


class CountLine(Static):
    """Today's counts at this gate."""

    DEFAULT_CSS = "CountLine { height: 1; padding: 0 1; background: $boost; }"

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, counts: Counts) -> None:
        """Show today's counts."""
        told = (
            (_("out"), counts.exits),
            (_("in"), counts.entries),
            (_("away"), counts.away),
            (_("inside"), counts.inside),
            (_("fevers"), counts.fevers),
            (_("refused"), counts.refused),
            (_("turned back"), counts.turned_back),
            *([(_("by lead"), counts.overridden)] if counts.overridden else []),
        )
        words = [f"{name} {number}" for name, number in told]
        lines = [_ROW_GAP.join([_("Today"), *words]), _ROW_GAP.join(words), " ".join(words)]
        room = self.content_size.width or 78
        self.update(Content(next((line for line in lines if Content(line).cell_length <= room), lines[-1])))


_DEVICES = {
    Device.THERMOMETER: N_("thermometer"),
    Device.SCANNER: N_("scanner"),
    Device.IDCARD: N_("ID reader"),
}
_STARTING, _OK, _OFF, _SILENT = (
    N_("{device} starting"),
    N_("{device} OK"),
    N_("{device} off"),
    N_("{device} silent"),
)

_REMEDIES = {
    Link.ABSENT: N_("{device} is gone: push its plug in, then it is found by itself"),
    Link.SILENT: N_("{device} says nothing: check its power, its cable and {setting}"),
    Link.DENIED: N_("{device} not allowed: sudo usermod -aG dialout $USER, then sign in anew"),
    Link.BUSY: N_("{device}: another program holds its port: close that program"),
    Link.UNUSABLE: N_("{device}: wrong port; correct {setting} in settings.toml"),
}
_SHARED = N_("{setting} and {other} are the same port; correct settings.toml")
"""Each fits one line of 80 cells; the device's own sentence says more."""

_ROW_GAP = "  "


class HealthLine(Static):
    """Devices, unsent records and clock, in words; trouble says its remedy on the line below.

    It is amber when it has been there for `AMBER_AFTER_MS`, and red at once where records are at risk.
    """

    DEFAULT_CSS = """
    HealthLine { height: auto; max-height: 5; padding: 0 1; }
    HealthLine.-trouble { background: #ffb300; color: #000000; }
    HealthLine.-risk { background: #b71c1c; color: #ffffff; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._shown: list[str] = []
        self._since_ms: dict[str, int] = {}

    def show(
        self,
        devices: Sequence[DeviceState],
        backlog: Backlog,
        courier: "CourierState | None",
        now_ms: int,
        alarm: str = "",
        risk: str = "",
    ) -> None:
        """Show how the parts fare; `courier` is None at a station that works alone. Repaints only what changed.

        `alarm` is what is amiss with the station's records (`station.travel.alarms`), `risk` what may keep
        new ones from the disk.
        """
        troubles = {
            "device": _device_trouble(devices),
            "alarm": alarm,
            "link": _courier_trouble(courier),
            "stuck": _stuck(backlog),
        }
        self._since_ms = {name: self._since_ms.get(name, now_ms) for name, told in troubles.items() if told}
        since_ms = [*self._since_ms.values(), *([backlog.oldest_ms] if courier and backlog.oldest_ms else [])]
        self.set_class(any(now_ms - since >= AMBER_AFTER_MS for since in since_ms), "-trouble")
        self.set_class(bool(risk), "-risk")
        sentences = [one for one in (risk, troubles["device"], alarm, troubles["link"]) if one]
        words = [*_device_words(devices), _unsent(backlog, now_ms), *_courier_words(courier), _stuck(backlog)]
        shown = [*rows_of([word for word in words if word], self.content_size.width), *sentences]
        if shown != self._shown:
            self._shown = shown
            self.update(Content("\n".join(shown)))


def rows_of(words: Sequence[str], cells: int, gap: str = _ROW_GAP) -> list[str]:
    """Return the words on as few rows as hold them whole; `cells` is 0 before the first layout."""
    rows = list(words[:1])
    for word in words[1:]:
        longer = rows[-1] + gap + word
        if cells and Content(longer).cell_length > cells:
            rows.append(word)
        else:
            rows[-1] = longer
    return rows


def _device_words(devices: Sequence[DeviceState]) -> list[str]:
    """Return one word for each kind of device that there is; of several scanners the one that fares worst."""
    words = []
    for device, name in _DEVICES.items():
        states = [state for state in devices if state.device is device]
        if not states:
            continue
        said = _OK
        if any(state.is_in_trouble for state in states):
            said = _SILENT if device is Device.THERMOMETER else _OFF
        elif any(state.link is None for state in states):
            said = _STARTING
        words.append(_(said).format(device=_(name)))
    return words


def _device_trouble(devices: Sequence[DeviceState]) -> str:
    state = next((state for state in devices if state.is_in_trouble), None)
    if state is None or state.link is None:
        return ""
    values = {"device": _(_DEVICES[state.device]), "setting": state.setting, "other": state.link.values.get("other")}
    sentence = _SHARED if values["other"] else _REMEDIES[state.link.state]
    return _(sentence).format(**values)


def _unsent(backlog: Backlog, now_ms: int) -> str:
    if not backlog.pending or backlog.oldest_ms is None:
        return _("all sent")
    minutes = max(0, now_ms - backlog.oldest_ms) // 60_000
    return _("unsent {count} ({minutes} min)").format(count=backlog.pending, minutes=minutes)


def _stuck(backlog: Backlog) -> str:
    return _("{count} set aside by the office").format(count=backlog.stuck) if backlog.stuck else ""


def _courier_trouble(courier: "CourierState | None") -> str:
    return explain(courier.trouble) if courier and courier.trouble else ""


def _courier_words(courier: "CourierState | None") -> list[str]:
    if courier is None:
        return [_("works alone")]
    drift_ms = courier.drift_ms
    if drift_ms is None:
        return [_("clock unchecked")]
    if abs(drift_ms) > DRIFT_TOLD_MS:
        return [_("clock wrong by {minutes} min").format(minutes=round(drift_ms / 60_000))]
    return [_("clock OK")]


def column(text: str, cells: int) -> str:
    """Return `text` cut or filled up to so many terminal cells, of which a Chinese character takes two."""
    return Content(text).truncate(cells, pad=True).plain


def right_column(text: str, cells: int) -> str:
    """Return `text` at the right end of so many terminal cells."""
    return " " * (cells - Content(text).cell_length) + text
