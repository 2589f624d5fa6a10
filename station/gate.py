"""The gate's use cases: scan, measure, admit, turn back.

Screens, the command line and the demo all go through here. A scan is answered at once and recorded later, by the
guard's key; what is recorded is decided anew in the transaction that records it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from passes.keys import TrustList
from passes.kinds import Kind
from passes.number import number_of, parse_number
from passes.plaintext import plain
from passes.policy import SKIPPED, Facts, KnownPass, Outcome, Skipped, Verdict, decide, refused
from passes.reasons import Reason
from passes.temperature import Finding, TemperatureRule
from passes.token import PassClaims, PassToken, TokenError, read_token
from passes.trips import Direction, Leg, local_day, standing
from station.clock import Clock, local_time
from station.journal import Journal
from station.register import Register
from sync.bodies import Attempt, PassageRecorded
from sync.events import Event

REPEAT_MS = 5_000
"""A second read of the same code within this time of its record is the same scan, not another passage."""

_EXCERPT = 64
_MOST_SAID = 500


RecordedOutcome = Literal["allowed", "refused", "turned_back"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands at the gate, as the pass and the register tell it."""

    pass_id: str
    number: str
    kind: Kind
    holder: str
    holder_id: str | None
    household: str | None
    address: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Scan:
    """One answered scan: what was read, who it is, the verdict so far, and whether it has been recorded.

    `recorded` is the event on disk and `outcome` what it says happened. `again` marks the repeated read of a passage
    that is already recorded. `celsius` is the reading that decided, the last valid one. `last_leg` is the pass's last
    accepted passage. `refusal_detail` is the stated reason of a revocation.
    """

    text: str
    direction: Direction
    at_ms: int
    verdict: Verdict
    person: Person | None = None
    token: PassToken | None = None
    typed: bool = False
    attempts: tuple[Attempt, ...] = ()
    celsius: float | None = None
    no_reading_reason: str | None = None
    last_leg: Leg | None = None
    refusal_detail: str | None = None
    recorded: Event | None = None
    outcome: RecordedOutcome | None = None
    again: bool = False


class Gate:
    """The gate of one station: its journal, its register and the rules, at the present of `clock`."""

    def __init__(
        self,
        journal: Journal,
        register: Register,
        clock: Clock,
        *,
        trust: TrustList,
        kinds: dict[str, Kind],
        rule: TemperatureRule,
        zone: ZoneInfo,
    ) -> None:
        self.journal = journal
        self.register = register
        self.clock = clock
        self.zone = zone
        self.rule = rule
        self._trust = trust
        self._kinds = kinds
        self._last_refusal: tuple[object, ...] = ()
        self._last_refusal_ms = 0

    def today(self) -> date:
        """Return the community's calendar day."""
        return local_day(self.clock.now_ms(), self.zone)

    def verify(self, text: str, direction: Direction) -> Scan:
        """Answer what a scan would be answered; nothing is recorded."""
        number = parse_number(text) if len(text) <= _EXCERPT else None
        row = self.register.find_number(number) if number else None
        scan = Scan(text, direction, self.clock.now_ms(), refused(Reason.NOT_A_PASS), typed=row is not None)
        try:
            # A number stands for its pass: what refuses the code refuses the number too.
            token = read_token(row.token if row else text, self._trust)
        except TokenError as error:
            return replace(scan, verdict=refused(error.reason))
        kind = self._kinds.get(token.claims.kind)
        if kind is None:
            return replace(scan, token=token, verdict=refused(Reason.UNKNOWN_KIND))
        return self._decided(replace(scan, token=token, person=_person_of(token.claims, kind)))

    def scan(self, text: str, direction: Direction) -> Scan:
        """Answer a scan; a refusal is recorded at once, a repeated read answers as before."""
        scan = self.verify(text, direction)
        return self._as_before(scan) if self._repeats(scan) else self._with_refusal_recorded(scan)

    def measured(self, scan: Scan, attempts: Iterable[Attempt]) -> Scan:
        """Answer anew with further readings, the last valid one deciding; a fever at a first leg is recorded at once.

        A value outside the plausible range is kept as an attempt but is no reading; what is no number is not even that.
        """
        series = (*scan.attempts, *(attempt for attempt in attempts if math.isfinite(attempt.celsius)))
        numbered = tuple(msgspec.structs.replace(attempt, number=i) for i, attempt in enumerate(series, 1))
        return self._with_refusal_recorded(
            self._decided(replace(scan, attempts=numbered, no_reading_reason=None, recorded=None, outcome=None))
        )

    def skip_reading(self, scan: Scan, reason: str) -> Scan:
        """Answer anew without a reading, for a stated reason."""
        return self._with_refusal_recorded(
            self._decided(replace(scan, no_reading_reason=reason, recorded=None, outcome=None))
        )

    def admit(self, scan: Scan, *, acknowledged: bool = False) -> Scan:
        """Record the passage, decided anew at this moment; look at `recorded` and the verdict of what comes back.

        Nothing is recorded while a reading is missing, or while attention is called for and not `acknowledged`. Where
        the state changed since the scan (another terminal was faster) the answer is the new verdict, and its refusal
        is recorded. Raises `StorageError` when it cannot be written: then nothing has been recorded.
        """
        if scan.person is None or scan.recorded or scan.again:
            return scan
        with self.journal.writing():
            now = self._decided(replace(scan, at_ms=self.clock.now_ms()))
            if self._repeats(now):
                return self._as_before(now)
            if now.verdict.outcome is Outcome.REFUSE:
                return self._record(now, "refused")
            if now.verdict.needs_reading or (now.verdict.outcome is Outcome.ATTENTION and not acknowledged):
                return now
            return self._record(now, "allowed")

    def turn_back(self, scan: Scan, remark: str) -> Scan:
        """Record that the guard did not let somebody through although the rules would have (劝返)."""
        with self.journal.writing():
            return self._record(replace(scan, at_ms=self.clock.now_ms()), "turned_back", remark)

    def _decided(self, scan: Scan) -> Scan:
        person = scan.person
        if person is None:
            return scan
        row = self.register.find_pass(person.pass_id)
        local_now = local_time(scan.at_ms, self.zone)
        today, kind = local_now.date(), person.kind
        legs = self.register.legs(person.pass_id, today - timedelta(days=kind.period_days - 1))
        holder_id = row.holder_id if row else None
        known = KnownPass(
            kind=kind,
            valid_from=person.valid_from,
            valid_until=person.valid_until,
            state="revoked" if row and row.state == "revoked" else "active",
            in_roster=row is not None,
            key_withdrawn=scan.token is not None and scan.token.key.withdrawn_at_ms is not None,
            banned=holder_id is not None and self.register.is_banned(holder_id),
        )
        stands = standing(legs, kind.first_leg, today, kind.period_days, self.zone)
        finding, celsius = self._finding(scan)
        facts = Facts(known, stands, scan.direction, local_now, finding, scan.typed)
        return replace(
            scan,
            person=replace(person, holder_id=holder_id, household=row.household) if row else person,
            verdict=decide(facts),
            celsius=celsius,
            last_leg=stands.last_leg,
            refusal_detail=row.detail if row else None,
        )

    def _finding(self, scan: Scan) -> tuple[Finding | Skipped | None, float | None]:
        """Return what the series of attempts amounts to, and the value that decided."""
        judged = [(self.rule.judge(attempt.celsius), attempt.celsius) for attempt in scan.attempts]
        valid = [(finding, celsius) for finding, celsius in judged if finding in (Finding.NORMAL, Finding.FEVER)]
        if valid:
            return valid[-1]
        if scan.no_reading_reason:
            return SKIPPED, None
        return (judged[-1][0], None) if judged else (None, None)

    def _repeats(self, scan: Scan) -> bool:
        leg = scan.last_leg
        return (
            leg is not None
            and leg.direction is scan.direction
            and leg.station == self.journal.station
            and 0 <= scan.at_ms - leg.at_ms <= REPEAT_MS
        )

    def _as_before(self, scan: Scan) -> Scan:
        """Give the answer that was recorded: what the rules say now would be about a second passage."""
        person = scan.person
        body = self.register.last_allowed(person.pass_id) if person else None
        if body is None:
            return scan
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

    def _record(self, scan: Scan, outcome: RecordedOutcome, remark: str | None = None) -> Scan:
        person = scan.person
        body = PassageRecorded(
            outcome=outcome,
            direction=scan.direction.value,
            verdict=scan.verdict.outcome.value,
            reasons=[reason.value for reason in scan.verdict.reasons],
            leg=scan.verdict.leg,
            pass_id=person.pass_id if person else None,
            pass_number=person.number if person else None,
            pass_kind=person.kind.code if person else None,
            holder=person.holder if person else None,
            holder_id=person.holder_id if person else None,
            household=person.household if person else None,
            address=person.address if person else None,
            attempts=list(scan.attempts),
            no_reading_reason=_said(scan.no_reading_reason),
            remark=_said(remark),
            typed=scan.typed,
            scan=None if person else plain(scan.text, _EXCERPT),
        )
        return replace(scan, recorded=self.register.record(body, scan.at_ms), outcome=outcome)


def _said(text: str | None) -> str | None:
    """Return what a guard wrote as one plain line of a length that any record can hold."""
    return None if text is None else plain(text, _MOST_SAID)


def _person_of(claims: PassClaims, kind: Kind) -> Person:
    return Person(
        pass_id=claims.pass_id.hex(),
        number=number_of(claims.pass_id),
        kind=kind,
        holder=claims.holder,
        holder_id=None,
        household=None,
        address=claims.address,
        valid_from=claims.valid_from,
        valid_until=claims.valid_until,
    )
