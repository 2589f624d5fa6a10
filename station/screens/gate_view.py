"""What stands on the gate screen: each part is told what it shows; nothing is decided here."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.screen import Screen

from passes.errors import GatepostError
from station.assembly import Station
from station.devices.manager import DeviceState
from station.i18n import explain
from station.lane import Lane
from station.logbook import recent
from station.screens.catalogue import at_gate
from station.storage import StorageError, lack_of_room
from station.travel import alarms
from station.widgets.lines import CountLine, HealthLine, HintLine, PassageList, RestLine, StatusLine
from station.widgets.reading_panel import ReadingPanel
from station.widgets.verdict_panel import VerdictPanel

if TYPE_CHECKING:
    from station.deciding import Scan
    from sync.courier import CourierState

LAST_PASSAGES = 8
_ROOM_LOOK_MS = 60_000


class GateView:
    """Shows the lane, the journal's newest and the state of the parts on `screen`.

    `devices` are their states by the setting of each; `courier` is None at a station that works alone. What stands
    there now does so since `shown_at_s`, by the time that keys are stamped with.
    """

    def __init__(self, screen: Screen[None], station: Station, lane: Lane, devices: dict[str, DeviceState]) -> None:
        self.devices = devices
        self.courier: CourierState | None = _not_heard_yet() if station.settings.community.url else None
        self._screen = screen
        self._station = station
        self._lane = lane
        self._failed: StorageError | None = None
        self._failed_n = self._recorded_n = self._room_at_ms = 0
        self._lack: StorageError | None = None
        self._shown: Scan | None = None
        self.shown_at_s = 0.0

    def hint(self, text: str) -> None:
        """Say one line, or take it away."""
        self._screen.query_one(HintLine).update(Content(at_gate(text)))

    def trouble(self, error: GatepostError) -> None:
        """Say where the verdict would be that something was not done."""
        self._screen.query_one(VerdictPanel).show_trouble(error)
        if isinstance(error, StorageError):
            self._failed, self._failed_n = error, self._recorded_n
            # Its sentence comes with the next look: what does not write may not read either.
            self._screen.query_one(HealthLine).add_class("-risk")

    def all(self) -> None:
        """Show everything."""
        self.scan()
        self.counts()

    def scan(self) -> None:
        """Show who stands here and what has been recorded; the counts wait."""
        self._screen.query_one(VerdictPanel).show(self._lane)
        if self._shown is not self._lane.current:
            self._shown, self.shown_at_s = self._lane.current, Message().time
        self.status()
        self.reading()
        self._screen.query_one(PassageList).show(recent(self._station.journal.connection, LAST_PASSAGES))
        self.health()

    def counts(self) -> None:
        """Show today's counts."""
        self._screen.query_one(CountLine).show(self._station.register.counts(self._station.gate.today()))

    def status(self) -> None:
        """Show where this is, which way it goes, who is on duty, the time, and who rests."""
        now_ms = self._station.clock.now_ms()
        self._screen.query_one(StatusLine).show(
            self._station.settings.station.name, self._lane.direction, self._station.register.current_shift(), now_ms
        )
        self._screen.query_one(RestLine).show(self._lane.resting(), now_ms)

    def reading(self) -> None:
        """Show the thermometer's part."""
        self._screen.query_one(ReadingPanel).show(self._lane, self._station.clock.now_ms())

    def health(self) -> None:
        """Show how devices, travel and clock fare."""
        now_ms, zone = self._station.clock.now_ms(), self._station.settings.zone
        self._recorded_n = self._station.journal.head().n
        if self._failed and self._recorded_n > self._failed_n:
            self._failed = None
        if now_ms - self._room_at_ms >= _ROOM_LOOK_MS:
            self._room_at_ms, self._lack = now_ms, lack_of_room(self._station.folder)
        risk = self._failed or self._lack
        amiss = alarms(self._station.journal.connection, now_ms, zone) if self.courier else []
        self._screen.query_one(HealthLine).show(
            tuple(self.devices.values()),
            self._station.outbox.backlog(),
            self.courier,
            now_ms,
            explain(amiss[0]) if amiss else "",
            explain(risk) if risk else "",
        )


def _not_heard_yet() -> "CourierState":
    from sync.courier import CourierState  # a station that works alone starts without it

    return CourierState()
