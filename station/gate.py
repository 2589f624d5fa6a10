"""The gate's use cases: scan, measure, look at the ID card, admit, turn back.

Screens, the command line and the demo all go through here. A scan is answered at once and recorded later, by the
guard's key; what is recorded is decided anew in the transaction that records it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from passes.errors import N_, UsageError
from passes.kinds import OUTSIDE_VEHICLE, VEHICLE
from passes.masking import mask_scan
from passes.plaintext import plain
from passes.policy import Outcome
from passes.reasons import Reason
from passes.temperature import TemperatureRule
from passes.trips import Direction, local_day
from station.claiming import Claim, Claims
from station.clock import Clock
from station.deciding import CLOCK_TOLERANCE_MS, Decider, Override, RecordedOutcome, Scan, Visitor
from station.journal import Journal
from station.logbook import newest_with_id
from station.register import Register
from station.scan_states import is_open
from sync.bodies import Attempt, Companion, PassageRecorded, Vehicle
from sync.events import new_id

REPEAT_MS = 5_000
"""A second read of the same code within this time of its record is the same scan, not another passage."""

_VEHICLES = frozenset({VEHICLE, OUTSIDE_VEHICLE})
_EXCERPT = 64
_MOST_SAID = 500
_MOST_NAME = 64


class Gate:
    """The gate of one station: its journal, its register and the rules, at the present of `clock`.

    `claims` asks the community before a first leg is recorded; None where the station belongs to no community yet.
    """

    def __init__(
        self,
        journal: Journal,
        register: Register,
        clock: Clock,
        decider: Decider,
        *,
        rule: TemperatureRule,
        zone: ZoneInfo,
    ) -> None:
        self.journal = journal
        self.register = register
        self.clock = clock
        self.rule = rule
        self.claims: Claims | None = None
        self._decider = decider
        self._zone = zone
        self._last_refusal: tuple[object, ...] = ()
        self._last_refusal_ms = 0

    def today(self) -> date:
        """Return the community's calendar day."""
        return local_day(self.clock.now_ms(), self._zone)

    def is_clock_behind(self) -> bool:
        """Say whether the device's clock went back so far that first legs are refused until the lead confirms it."""
        return self.clock.now_ms() < self.journal.head().latest_ms - CLOCK_TOLERANCE_MS

    def verify(
        self, text: str, direction: Direction, attempts: Iterable[Attempt] = (), *, id_matches: bool | None = None
    ) -> Scan:
        """Answer what a scan would be answered with these readings and this look at the ID card; nothing is recorded.

        Whether it repeats an earlier one is not asked. `admit` records what comes back, decided anew then.
        """
        read = self._decider.read(text, direction, self.clock.now_ms())
        return self._decided(replace(read, attempts=_numbered(attempts), id_matches=id_matches))

    def scan(self, text: str, direction: Direction) -> Scan:
        """Answer a scan; a refusal is recorded at once, a repeated read answers as before."""
        return self._answered(lambda: self._decider.read(text, direction, self.clock.now_ms()))

    def drive(self, text: str, direction: Direction, vehicle: Vehicle | None, passengers: Sequence[str] = ()) -> Scan:
        """Answer a scan as `scan` does; with a pass that can be read, vehicle and passengers are recorded too."""

        def read() -> Scan:
            scan = self._decider.read(text, direction, self.clock.now_ms())
            person = scan.person and replace(scan.person, vehicle=vehicle)
            return replace(scan, person=person, companions=_companions(passengers))

        return self._answered(read)

    def visit(self, visitor: Visitor, direction: Direction) -> Scan:
        """Answer a visitor or vehicle without a pass, as `scan` does a pass."""
        if visitor.pass_number:
            return self.drive(visitor.pass_number, direction, visitor.vehicle, visitor.companions)
        return self._answered(lambda: self._decider.visited(visitor, direction, self.clock.now_ms()))

    def turned(self, scan: Scan, direction: Direction) -> Scan:
        """Answer the same code or visitor anew for another direction, without readings and look at the ID card.

        Whoever passes with them still does.
        """
        person, names = scan.person, [one.name for one in scan.companions]
        if person is None:
            return self.scan(scan.text, direction)
        if person.visit is None:
            return self.drive(scan.text, direction, person.vehicle, names)
        now_ms = self.clock.now_ms()
        blank = Scan(scan.text, direction, now_ms, scan.verdict, person, companions=_companions(names))
        return self._answered(lambda: blank)

    def turned_about(self, before: Scan, direction: Direction) -> Scan:
        """Answer a pending scan anew for another direction, with everything that is known of those who pass.

        What refuses them is recorded at once, as after a scan.
        """
        scan = self.turned(before, direction)
        if not is_open(scan):
            return scan
        kept = replace(
            scan,
            attempts=before.attempts,
            carried=before.carried,
            companions=before.companions,
            no_reading_reason=before.no_reading_reason,
            id_matches=before.id_matches,
        )
        return self._with_refusal_recorded(self._decided_now(kept))

    def _answered(self, read: Callable[[], Scan]) -> Scan:
        with self.journal.reading():
            scan = self._decided(read())
            before = self._as_before(scan)
        return before or self._with_refusal_recorded(scan)

    def measured(self, scan: Scan, attempts: Iterable[Attempt], whose: int = 0) -> Scan:
        """Answer anew with further readings, the last valid one deciding; a fever at a first leg is recorded at once.

        A value outside the plausible range is kept as an attempt but is no reading; what is no number is not even that.
        `whose` is 0 for the holder of the pass and n for the n-th companion.
        """
        if whose:
            companion = scan.companions[whose - 1]
            series = list(_numbered((*companion.attempts, *attempts)))
            scan = _with_companion(scan, whose, replace(companion, attempts=series, no_reading_reason=None))
        else:
            scan = replace(scan, attempts=_numbered((*scan.attempts, *attempts)), no_reading_reason=None)
        return self._with_refusal_recorded(self._decided_now(scan))

    def skip_reading(self, scan: Scan, reason: str, whose: int = 0) -> Scan:
        """Answer anew without a reading, for a stated reason; `whose` as in `measured`."""
        if whose:
            companion = replace(scan.companions[whose - 1], no_reading_reason=_said(reason))
            scan = _with_companion(scan, whose, companion)
        else:
            scan = replace(scan, no_reading_reason=reason)
        return self._with_refusal_recorded(self._decided_now(scan))

    def next_to_measure(self, scan: Scan) -> int | None:
        """Return who has no valid reading yet, as `measured` counts them; None when everybody has."""
        return self._decider.next_to_measure(scan)

    def rested(self, scan: Scan, attempts: tuple[Attempt, ...], companions: Sequence[str]) -> Scan:
        """Answer for somebody who comes back after a rest, with the attempts from before, which decide no more.

        The named companions are measured again.
        """
        party = tuple(Companion(name=name) for name in companions)
        return self._decided_now(replace(scan, attempts=attempts, carried=len(attempts), companions=party))

    def check_id(self, scan: Scan, *, matches: bool) -> Scan:
        """Answer anew after a look at the ID card; where it is missing or another's, that is recorded at once."""
        return self._with_refusal_recorded(self._decided_now(replace(scan, id_matches=matches)))

    def admit(self, scan: Scan, *, acknowledged: bool = False) -> Scan:
        """Record the passage, decided anew at this moment; look at `recorded` and the verdict of what comes back.

        Nothing is recorded while a reading or a look at the ID card is missing, or while attention is called for and
        not `acknowledged`. Where the state changed since the scan (another terminal or gate was faster) the answer is
        the new verdict, and its refusal is recorded as after a scan. Raises `StorageError` when it cannot be written:
        then nothing has been recorded.
        """
        if scan.recorded or scan.again:
            return scan
        claim = self._claim(scan, acknowledged=acknowledged)
        with self.journal.writing():
            asked = replace(scan, at_ms=self.clock.now_ms())
            now = self._decider.decided(asked, claim=claim) if claim else self._decided(asked)
            if before := self._as_before(now):
                return before
            if now.verdict.outcome is not Outcome.REFUSE:
                if _is_waiting(now, acknowledged=acknowledged):
                    return now
                return self._record(now, "allowed", event_id=claim.event_id if claim else None)
        return self._with_refusal_recorded(now)

    def override(self, scan: Scan, *, lead: str, reason: str) -> Scan:
        """Record a passage that the rules refuse, on the lead's word and for a stated reason.

        A token that cannot be trusted is never overruled, and a reading is still needed: then nothing is recorded.
        What the rules do not refuse is admitted as it is. Raises `UsageError` without a reason.
        """
        if not reason.strip():
            raise UsageError(N_("reason: say why the lead lets somebody through whom the rules refuse"))
        if scan.person is None or scan.outcome == "allowed" or scan.again:
            return scan
        if scan.verdict.outcome is not Outcome.REFUSE:
            return self.admit(scan, acknowledged=True)
        with self.journal.writing():
            asked = replace(scan, at_ms=self.clock.now_ms(), recorded=None, outcome=None)
            now = self._decided(replace(asked, override=Override(plain(lead, 40), plain(reason, _MOST_SAID))))
            if now.verdict.needs_reading or now.verdict.needs_id:
                return now
            return self._record(now, "allowed")

    def turn_back(self, scan: Scan, remark: str) -> Scan:
        """Record that the guard did not let somebody through although the rules would have (劝返)."""
        with self.journal.writing():
            return self._record(replace(scan, at_ms=self.clock.now_ms()), "turned_back", remark=remark)

    def _claim(self, scan: Scan, *, acknowledged: bool) -> Claim | None:
        """Ask the community for a first leg before it is recorded; None where there is nothing to ask."""
        if self.claims is None or scan.verdict.leg != "first":
            return None
        now = self._decided(replace(scan, at_ms=self.clock.now_ms()))
        if now.verdict.outcome is Outcome.REFUSE or _is_waiting(now, acknowledged=acknowledged):
            return None
        event_id, keys = new_id(now.at_ms), self._decider.keys(now)
        return Claim(event_id, keys, self.claims.claim(event_id, keys, now.at_ms))

    def _decided_now(self, scan: Scan) -> Scan:
        """Decide anew, at this moment: somebody else may have been recorded since the scan."""
        return self._decided(replace(scan, at_ms=self.clock.now_ms(), recorded=None, outcome=None))

    def _decided(self, scan: Scan) -> Scan:
        is_alone = self.claims is not None and not self.claims.is_reachable
        return self._decider.decided(scan, alone=is_alone)

    def _as_before(self, scan: Scan) -> Scan | None:
        """Give a repeated read the answer that was recorded: what the rules say now would be about a second passage."""
        leg = scan.last_leg
        if leg is None or leg.direction is not scan.direction or leg.station != self.journal.station:
            return None
        if scan.counted_ms - leg.place[0] > REPEAT_MS:
            return None
        # Of the journal alone: a copy of this disk may stand at another gate under the same name.
        passage = newest_with_id(self.journal.connection, leg.id)
        if passage is None or not 0 <= scan.at_ms - passage.at_ms <= REPEAT_MS:
            return None
        body = passage.body
        reasons = tuple(Reason(reason) for reason in body.reasons)
        before = replace(scan.verdict, outcome=Outcome(body.verdict), reasons=reasons, needs_reading=False)
        return replace(scan, verdict=before, attempts=tuple(body.attempts), again=True)

    def _with_refusal_recorded(self, scan: Scan) -> Scan:
        """Record a refusal once: not again within `REPEAT_MS` while the answer to the same code stays the same."""
        if scan.verdict.outcome is not Outcome.REFUSE:
            return scan
        answer = (scan.text, scan.direction, scan.verdict.reasons, len(scan.attempts))
        if answer == self._last_refusal and 0 <= scan.at_ms - self._last_refusal_ms <= REPEAT_MS:
            return replace(scan, again=True)
        with self.journal.writing():
            scan = self._record(scan, "refused")
        self._last_refusal, self._last_refusal_ms = answer, scan.at_ms
        return scan

    def _record(
        self, scan: Scan, outcome: RecordedOutcome, *, remark: str | None = None, event_id: str | None = None
    ) -> Scan:
        person, override = scan.person, scan.override
        body = PassageRecorded(
            outcome=outcome,
            direction=scan.direction.value,
            verdict=scan.verdict.outcome.value,
            reasons=[reason.value for reason in scan.verdict.reasons],
            leg=scan.verdict.leg,
            order_ms=_order_ms(scan, self.journal.drift_ms or 0),
            pass_id=person.pass_id if person else None,
            pass_number=(person.number or None) if person else None,
            pass_kind=person.kind.code if person else None,
            holder=person.holder if person else None,
            holder_id=person.holder_id if person else None,
            household=person.household if person else None,
            address=person.address if person else None,
            attempts=list(scan.attempts),
            no_reading_reason=_said(scan.no_reading_reason),
            id_matches=scan.id_matches,
            override_reason=override.reason if override else None,
            override_lead=override.lead if override else None,
            remark=_said(remark),
            typed=scan.typed,
            scan=None if person else mask_scan(scan.text, _EXCERPT),
            visit=person.visit if person else None,
            subject="vehicle" if person and (person.vehicle or person.kind.code in _VEHICLES) else "person",
            vehicle=person.vehicle if person else None,
            companions=list(scan.companions),
            method=scan.method,
            steps=list(scan.steps),
        )
        return replace(scan, recorded=self.register.record(body, scan.at_ms, event_id), outcome=outcome)


def _companions(names: Iterable[str]) -> tuple[Companion, ...]:
    return tuple(Companion(name=plain(name, _MOST_NAME)) for name in names)


def _with_companion(scan: Scan, whose: int, companion: Companion) -> Scan:
    return replace(scan, companions=(*scan.companions[: whose - 1], companion, *scan.companions[whose:]))


def _numbered(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Return the attempts numbered through; what is no number is not even one."""
    taken = (attempt for attempt in attempts if math.isfinite(attempt.celsius))
    return tuple(replace(attempt, number=i) for i, attempt in enumerate(taken, 1))


def _is_waiting(scan: Scan, *, acknowledged: bool) -> bool:
    """Whether something must still be done before the passage can be recorded."""
    verdict = scan.verdict
    return verdict.needs_reading or verdict.needs_id or (verdict.outcome is Outcome.ATTENTION and not acknowledged)


def _order_ms(scan: Scan, drift_ms: int) -> int | None:
    """Return where the passage counts if that is not its instant: behind the last leg, whatever the clock says.

    It is by the device's clock, which is `drift_ms` ahead of the community's.
    """
    after_last_ms = scan.last_leg.place[0] + 1 if scan.last_leg else 0
    counted_ms = max(scan.counted_ms, after_last_ms) - scan.ahead_ms + drift_ms
    return counted_ms if counted_ms > scan.at_ms and scan.person else None


def _said(text: str | None) -> str | None:
    """Return what a guard wrote as one plain line of a length that any record can hold."""
    return None if text is None else plain(text, _MOST_SAID)
