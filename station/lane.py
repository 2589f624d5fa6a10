"""The lane at a gate: one person at a time, from the scan over the reading to the record.

Screens and the demo's automatic play drive the same lane. It holds who stands there, who has been scanned behind
them, and which readings belong to whom; it decides nothing itself.
"""

from collections import deque

from msgspec.structs import replace

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.policy import Outcome
from passes.temperature import Finding
from passes.trips import Direction
from station.assembly import Station
from station.checklists import Checklist
from station.clock import Clock
from station.corrections import newest_to_undo, undo
from station.deciding import Scan, Visitor
from station.devices.measurement import Measurement
from station.gate import Gate
from station.resting import Rester, Resting
from station.scan_states import can_be_overruled, has_been_measured, is_feverish, is_on_the_other_side, is_open
from station.settings import Settings
from station.sight import Sight, stability_of
from sync.bodies import Attempt

MOST_WAITING = 5


class LaneError(UsageError):
    """What the guard asked for does not fit what stands at the gate."""


class Lane:
    """One gate's lane.

    `sight` is its thermometer. `checklist` has the steps that the guard ticks. Whoever had a fever rests for `rest_ms`
    before they are measured again. Where the direction `is_fixed`, it is changed for one person only.
    """

    def __init__(
        self,
        gate: Gate,
        sight: Sight,
        clock: Clock,
        *,
        direction: Direction,
        is_fixed: bool = False,
        rest_ms: int = 300_000,
        checklist: Checklist | None = None,
    ) -> None:
        self.direction = direction
        self.current: Scan | None = None
        self.waiting: deque[str] = deque()
        self.sight = sight
        self.checklist = checklist or Checklist("")
        self._gate = gate
        self._clock = clock
        self._usual = direction if is_fixed else None
        self._rest_ms = rest_ms
        self._resting = Resting(gate.journal.connection)
        self._rests_since_ms: int | None = None
        self._codes: dict[str, str] = {}
        self._ways: dict[str, Direction] = {}

    def refit(self, settings: Settings) -> None:
        """Work by other settings from now on; whoever stands here is measured with their thermometer."""
        thermometer = settings.thermometer
        self._rest_ms = settings.temperature.rest_minutes * 60_000
        self.checklist = Checklist(settings.gate.method, tuple(settings.gate.steps))
        self.sight.refit(
            stability_of(settings), site=thermometer.site, device=thermometer.protocol, is_pending=self.is_pending
        )

    @property
    def is_pending(self) -> bool:
        """Whether somebody stands here whose passage is neither recorded nor refused."""
        return self.current is not None and is_open(self.current)

    def turn_direction(self) -> None:
        """Change the direction; a pending scan is decided anew the other way, and so is whoever is already out, or in.

        Any other refusal already recorded stays so: the guard scans again. Raises `StorageError` when the other way is
        refused and that cannot be written; then nothing has changed.
        """
        turned = self.direction.opposite
        current = self.current
        if current is not None and self.is_pending:
            self.current = self._gate.turned_about(current, turned)
        elif current is not None and is_on_the_other_side(current):
            self._show(self._gate.turned(current, turned))
        elif self._usual:
            raise LaneError(N_("this gate goes one way only; scan a pass first, then F2 turns that person"))
        self.direction = turned

    @property
    def is_waiting_for_the_one_before(self) -> bool:
        """Whether whoever was measured last may still stand before the thermometer, where the next one should."""
        return self.is_pending and self.sight.is_blocked

    @property
    def live_celsius(self) -> float | None:
        """What the thermometer sees now; None for what may be of the person before, not seen to step away."""
        return None if self.is_waiting_for_the_one_before else self.sight.live_celsius

    @property
    def rest_ends_ms(self) -> int | None:
        """Until when whoever stands here rests after a fever; None for everybody else, and once they are measured."""
        current = self.current
        if current is None or self.sight.is_asked_again:
            return None
        if current.recorded and is_feverish(current):
            return current.recorded.at_ms + self._rest_ms
        if self._rests_since_ms is None or not self.is_pending or has_been_measured(current):
            return None
        return self._rests_since_ms + self._rest_ms

    @property
    def whose_turn(self) -> int:
        """Who is to be measured: 0 for the holder of the pass, n for the n-th companion."""
        return (self.current and self._gate.next_to_measure(self.current)) or 0

    def resting(self) -> list[tuple[Rester, int]]:
        """Return who rests after a fever, and until when (UTC milliseconds); not who stands here."""
        here = self.current.person.pass_id if self.current and self.current.person and self.is_pending else None
        everybody = self._resting.all(self._clock.now_ms())
        return [(one, one.at_ms + self._rest_ms) for one in everybody if one.pass_id != here]

    def come_back(self, rester: Rester) -> None:
        """Go on with somebody who has rested; raises `LaneError` while somebody else stands here."""
        self._require_room()
        visitor = rester.visitor()
        if visitor:
            self.direction = rester.direction
            self._show(self._gate.visit(visitor, rester.direction))
        elif code := self._codes.get(rester.pass_id) or rester.body.pass_number:
            self._take(code, rester.direction)
        else:
            raise LaneError(N_("this pass is not in the list: scan it again"))

    def scan(self, text: str, direction: Direction | None = None) -> None:
        """Take the next code: answered now, or kept until the pending person is done.

        `direction` is told by the scanner's place, where it is set: the lane turns to it when it is this code's turn.
        Raises `LaneError` when too many wait already; the code is not taken then.
        """
        if self._is_at_rest():
            self.current = None  # they stay on the list, and the next person is served
        if self.is_pending or self.waiting:
            self.keep(text, direction)
            self.call_next()
        else:
            self._take(text, direction)

    def visit(self, visitor: Visitor) -> None:
        """Take a visitor without a pass; raises `LaneError` while somebody else stands here."""
        self._require_room()
        self._show(self._gate.visit(visitor, self.direction))

    def keep(self, text: str, direction: Direction | None = None) -> None:
        """Let a code wait behind the others until it is called, even when nobody stands here.

        A code that waits already, or is the pending one, is taken as read twice; where the scanner tells a direction,
        the newer read has the right one. Raises `LaneError` as `scan` does.
        """
        if self.current is not None and self.is_pending and text == self.current.text:
            if direction not in {None, self.direction}:
                self.turn_direction()
            return
        if text in self.waiting:
            self._ways |= {text: direction} if direction else {}
            return
        if len(self.waiting) >= MOST_WAITING:
            raise LaneError(
                N_("{count} people are waiting already; record the first one with Enter"), count=MOST_WAITING
            )
        self.waiting.append(text)
        if direction:
            self._ways[text] = direction

    def measured(self, measurement: Measurement) -> bool:
        """Take one measurement of the stream; say whether it made a reading for somebody who stands here."""
        is_resting = self.is_pending and self.rest_ends_ms is not None
        attempt = self.sight.take(measurement, wants_another=self._wants_another(), is_resting=is_resting)
        if attempt is None or self.current is None:
            return False
        self._take_reading(self.current, attempt)
        return True

    def type_reading(self, celsius: float, reason: str) -> None:
        """Take a reading that the guard typed, with the reason for not measuring.

        Raises `LaneError` when nobody stands here or the value is no human temperature.
        """
        current = self._measurable()
        if self._gate.rule.judge(celsius) is Finding.IMPLAUSIBLE:
            raise LaneError(
                N_("{celsius:.1f} is no temperature of a person; write one between {low:.0f} and {high:.0f}"),
                celsius=celsius,
                low=self._gate.rule.lowest_celsius,
                high=self._gate.rule.highest_celsius,
            )
        at_ms = self._clock.now_ms()
        attempt = Attempt(
            celsius=celsius, at_ms=at_ms, quantity="body", site=self.sight.site, manual=True, reason=plain(reason)
        )
        self._take_reading(current, attempt)
        self.sight.type_in()

    def _take_reading(self, scan: Scan, attempt: Attempt) -> None:
        self.current = self._gate.measured(scan, [attempt], self.whose_turn)
        if scan.person and is_feverish(self.current):
            # They come back after a rest: their code is better than their number, which counts as typed.
            self._codes[scan.person.pass_id] = scan.text

    def skip_reading(self, reason: str) -> None:
        """Go on without a reading, for a stated reason."""
        self.current = self._gate.skip_reading(self._measurable(), reason, self.whose_turn)

    def choose_site(self, site: str) -> None:
        """Measure the person who stands here at another place of the body; the next person is measured as usual.

        Raises `LaneError` when nobody stands here.
        """
        self._measurable()
        self.sight.site = site

    def record(self, *, acknowledged: bool = False) -> bool:
        """Record the pending passage and say whether it is now on disk.

        Where the ID card is asked for, recording says that the guard looked at it and that it matches. An attention
        verdict is recorded only when it was `acknowledged`, and nothing while a step of the checklist is open. Raises
        `StorageError` when nothing could be written.
        """
        if self.current is None or not self.is_pending or self.checklist.is_open:
            return False
        verdict = self.current.verdict
        if verdict.needs_id and not verdict.needs_reading and (acknowledged or verdict.outcome is Outcome.ALLOW):
            self.current = self._gate.check_id(self.current, matches=True)
        self.current = self._gate.admit(self._checked(self.current), acknowledged=acknowledged)
        self._go_the_usual_way()
        return self.current.recorded is not None and self.current.verdict.outcome is not Outcome.REFUSE

    def refuse_id(self) -> None:
        """Take note that the ID card is missing or another person's; at a first leg that refuses.

        Raises `LaneError` when nobody stands here whose ID card is asked for.
        """
        current = self._somebody()
        if current.person is None or not current.person.kind.id_check:
            raise LaneError(N_("no ID card is asked for with this pass"))
        self.current = self._gate.check_id(current, matches=False)

    def look_again(self, pass_id: str) -> None:
        """Decide anew about whoever stands here, or was refused here, if something became known about their pass."""
        current = self.current
        if current is None or current.person is None or current.person.pass_id != pass_id:
            return
        if self.is_pending:
            self.current = self._gate.turned_about(current, self.direction)
        elif current.outcome == "refused":
            self._show(self._gate.turned(current, current.direction))

    def undo(self, reason: str) -> None:
        """Take back the passage recorded last at this gate.

        Raises `CorrectionError` when it is too old, or the pass has been used since, `LaneError` when there is none.
        """
        last = newest_to_undo(self._gate.journal)
        if last is None or last.body.pass_id is None:
            raise LaneError(N_("there is no passage here that could be taken back"))
        undo(self._gate.journal, self._gate.register, self._clock, last.body.pass_id, reason)
        if self.current and self.current.recorded and self.current.recorded.id == last.id:
            self.current = None

    def turn_back(self, remark: str) -> None:
        """Record that the person who stands here was not let through, for a stated reason."""
        self.current = self._gate.turn_back(self._checked(self._somebody()), remark)
        self._go_the_usual_way()

    def override(self, *, lead: str, reason: str) -> bool:
        """Record whom the rules refuse, on the lead's word; say whether that is on disk now.

        Raises `UsageError` without a reason, `LaneError` where nobody was refused whom a lead may let through.
        """
        current = self.current
        if current is None or not can_be_overruled(current):
            raise LaneError(N_("nobody stands here whom the lead could let through"))
        self.current = self._gate.override(self._checked(current), lead=lead, reason=reason)
        self.sight.step_up()
        return self.current.outcome == "allowed"

    def drop(self) -> None:
        """Forget the pending scan: nothing is recorded."""
        self._somebody()
        self.current = None
        self._go_the_usual_way()

    def clear(self) -> int:
        """Forget whoever stands here and those behind them, unrecorded: they have gone; return how many that were."""
        forgotten = len(self.waiting) + self.is_pending
        self.waiting.clear()
        self._ways.clear()
        self.current = None if self.is_pending else self.current
        self.sight.step_up()
        self._go_the_usual_way()
        return forgotten

    def call_next(self) -> bool:
        """Take the code that waits longest, if the person before is done; say whether there was one."""
        if self.is_pending or not self.waiting:
            return False
        text = self.waiting[0]
        self._take(text, self._ways.get(text))
        self.waiting.popleft()
        self._ways.pop(text, None)
        return True

    def _take(self, text: str, direction: Direction | None) -> None:
        direction = direction or self._usual or self.direction
        scan = self._gate.scan(text, direction)
        self.direction = direction
        self._show(scan)

    def _show(self, scan: Scan) -> None:
        self.current = scan
        self.sight.step_up()
        self.checklist.begin()
        person = scan.person
        rester = self._resting.find(person.pass_id, self._clock.now_ms()) if person and self.is_pending else None
        # On their way home nobody has to rest.
        is_back = rester is not None and rester.direction is scan.direction
        self._rests_since_ms = rester.at_ms if rester and is_back else None
        if rester and is_back:
            self.current = self._gate.rested(scan, rester.attempts, rester.companions)

    def _go_the_usual_way(self) -> None:
        if self._usual and not self.is_pending:
            self.direction = self._usual

    def _checked(self, scan: Scan) -> Scan:
        """Return the scan with the steps of the checklist that are done."""
        if not self.checklist.steps:
            return scan
        return replace(scan, method=self.checklist.method, steps=self.checklist.done(scan))

    def _require_room(self) -> None:
        if self.is_pending:
            raise LaneError(N_("somebody stands here already; record them first with Enter"))

    def _somebody(self) -> Scan:
        if self.current is None or not self.is_pending:
            raise LaneError(N_("nobody is waiting here; scan a pass first"))
        return self.current

    def _measurable(self) -> Scan:
        current = self.current
        if current is None or current.person is None or not (self.is_pending or is_feverish(current)):
            raise LaneError(N_("nobody is waiting here; scan a pass first"))
        return current

    def _is_at_rest(self) -> bool:
        """Whether somebody stands here, come back too early, who still has to rest."""
        rest_ends_ms = self.rest_ends_ms if self.is_pending else None
        return rest_ends_ms is not None and self._clock.now_ms() < rest_ends_ms

    def _wants_another(self) -> bool:
        """Whether somebody still needs a reading: none yet, one that was low or a fever, or the guard asked.

        Who was refused for a fever may have gone: only the guard knows that the next forehead is still theirs. While
        they rest, the next forehead is somebody else's.
        """
        current = self.current
        if current is None or current.person is None:
            return False
        if not self.is_pending:
            return self.sight.is_asked_again and is_feverish(current)
        if self._is_at_rest():
            return False
        if self.sight.is_asked_again or self._gate.next_to_measure(current) is not None:
            return True
        last = current.attempts[-1:]
        return bool(last) and not current.companions and self._gate.rule.judge(last[0].celsius) is not Finding.NORMAL


def make_lane(station: Station) -> Lane:
    """Return the lane of a station as its settings describe it."""
    settings = station.settings
    thermometer = settings.thermometer
    return Lane(
        station.gate,
        Sight(stability_of(settings), station.clock, site=thermometer.site, device=thermometer.protocol),
        station.clock,
        direction=Direction(settings.gate.direction),
        is_fixed=settings.gate.one_way,
        rest_ms=settings.temperature.rest_minutes * 60_000,
        checklist=Checklist(settings.gate.method, tuple(settings.gate.steps)),
    )
