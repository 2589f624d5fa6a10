"""Answering a scan from what the register knows at this moment; nothing is recorded here."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from passes.kinds import PRESETS, VISITOR, Kind
from passes.number import number_of, parse_number
from passes.policy import SKIPPED, Facts, KnownPass, Outcome, Skipped, State, Verdict, decide, overruled, refused
from passes.reasons import Reason
from passes.temperature import Finding, TemperatureRule
from passes.token import PassClaims, PassToken, TokenError, mark_of, read_token
from passes.trips import Direction, Leg, Standing, standing
from passes.trust import TrustedKey, TrustList
from station.claiming import Claim, claim_keys, lost
from station.clock import local_time
from station.journal import Journal
from station.register import PassRow, Register
from sync.bodies import Attempt, Companion, Vehicle, Visit
from sync.events import Event

CLOCK_TOLERANCE_MS = 60_000
"""A clock that lies further than this before the station's own last record is not believed."""

STALE_AFTER_MS = 24 * 3_600_000
"""Lists that were not compared with the community's for longer than this are said to be old."""

_LONGEST_NUMBER = 64


RecordedOutcome = Literal["allowed", "refused", "turned_back"]


class Person(msgspec.Struct, frozen=True):
    """Who stands at the gate, as the pass and the register tell it; `line` is that of the pass's replacements.

    Of a visitor without a pass, `pass_id` and `line` are the person's id, there is no number, and `visit` says what was
    said; `host_known` whether the host was found among those who live here.
    """

    pass_id: str
    number: str
    kind: Kind
    holder: str
    holder_id: str | None
    household: str | None
    address: str
    valid_from: date
    valid_until: date
    line: str
    visit: Visit | None = None
    host_known: bool | None = None
    vehicle: Vehicle | None = None


class Visitor(msgspec.Struct, frozen=True):
    """A registered visitor without a pass: `household` and `address` are those of the host, empty where none was named.

    `has_document` is false for whoever could show no paper. `host_known` as in `Person`. `companions` are the names of
    those who pass with them, each to be measured; empty for somebody unnamed.

    Of a vehicle, `person_id` is made of its plate, `holder_id` is the driver's; with a `pass_number` that is read.
    """

    person_id: str
    name: str
    household: str
    address: str
    visit: Visit
    has_document: bool = True
    host_known: bool | None = None
    companions: tuple[str, ...] = ()
    kind: str = VISITOR
    holder_id: str | None = None
    vehicle: Vehicle | None = None
    pass_number: str = ""


class Override(msgspec.Struct, frozen=True):
    """The lead's word that overrules a refusal, and why."""

    lead: str
    reason: str


class Scan(msgspec.Struct, frozen=True):
    """One answered scan: what was read, who it is, the verdict so far, and whether it has been recorded.

    `recorded` is the event on disk and `outcome` what it says happened. `again` marks the repeated read of a passage
    that is already recorded. `celsius` is the reading that decided, the last valid one. `id_matches` is what the guard
    saw on the ID card. Of the `attempts` the first `carried` are of an earlier scan, before a rest: they are kept and
    decide nothing any more. `companions` pass together with this person, each with their own readings; `method` and
    `steps` say what was checked (`station.checklists`). `last_leg` is the last accepted passage of the pass's line.
    `state_detail` is the stated reason of the pass's state. `counted_ms` is the instant that counts: later than `at_ms`
    while the clock is not believed. It and `last_leg` are by a clock that is `ahead_ms` ahead of the community's.
    """

    text: str
    direction: Direction
    at_ms: int
    verdict: Verdict
    person: Person | None = None
    token: PassToken | None = None
    typed: bool = False
    attempts: tuple[Attempt, ...] = ()
    carried: int = 0
    companions: tuple[Companion, ...] = ()
    celsius: float | None = None
    no_reading_reason: str | None = None
    id_matches: bool | None = None
    last_leg: Leg | None = None
    state_detail: str | None = None
    counted_ms: int = 0
    ahead_ms: int = 0
    override: Override | None = None
    method: str | None = None
    steps: tuple[str, ...] = ()
    recorded: Event | None = None
    outcome: RecordedOutcome | None = None
    again: bool = False


class _Entry(msgspec.Struct, frozen=True):
    """What the register has about one pass: where it stands, and what is ordered against its holder."""

    row: PassRow | None = None
    line: str = ""
    state: State = State.ACTIVE
    detail: str | None = None
    against_holder: tuple[Reason, ...] = ()
    stands: Standing = Standing()


class Decider:
    """Answers scans by the journal, the register and the rules of one station.

    `trust` returns the newest list of trusted keys.
    """

    def __init__(
        self,
        journal: Journal,
        register: Register,
        trust: Callable[[], TrustList],
        rule: TemperatureRule,
        zone: ZoneInfo,
    ) -> None:
        self._journal = journal
        self._register = register
        self._trust = trust
        self._rule = rule
        self._zone = zone
        self._asked: tuple[object, ...] = ()
        self._found = _Entry()

    def read(self, text: str, direction: Direction, at_ms: int) -> Scan:
        """Return what a scanned or typed text is; without a `person` its verdict is final."""
        number = parse_number(text) if len(text) <= _LONGEST_NUMBER else None
        row = self._register.find_number(number) if number else None
        scan = Scan(text, direction, at_ms, refused(Reason.NOT_A_PASS), typed=row is not None)
        try:
            # A number stands for its pass: what refuses the code refuses the number too.
            token = read_token(row.token if row else text, self._trust())
        except TokenError as error:
            return replace(scan, verdict=refused(error.reason))
        # A clock that went back must not make the community's own kinds unknown on anybody's way home.
        counted_ms = max(at_ms, self._journal.head().latest_ms)
        kind = self._register.rules().kind_or_first(token.claims.kind, counted_ms - (self._journal.drift_ms or 0))
        if kind is None:
            return replace(scan, token=token, verdict=refused(Reason.UNKNOWN_KIND))
        return replace(scan, token=token, person=_person_of(token.claims, kind))

    def visited(self, visitor: Visitor, direction: Direction, at_ms: int) -> Scan:
        """Return what a visitor or vehicle without a pass is, as `read` does for a pass: of their kind, for today."""
        counted_ms = max(at_ms, self._journal.head().latest_ms)
        kind = self._register.rules().kind_or_first(visitor.kind, counted_ms - (self._journal.drift_ms or 0))
        today = local_time(counted_ms, self._zone).date()
        person = Person(
            pass_id=visitor.person_id,
            number="",
            kind=kind or PRESETS[visitor.kind],
            holder=visitor.name,
            holder_id=visitor.holder_id or visitor.person_id,
            household=visitor.household or None,
            address=visitor.address,
            valid_from=today,
            valid_until=today,
            line=visitor.person_id,
            visit=visitor.visit,
            host_known=visitor.host_known,
            vehicle=visitor.vehicle,
        )
        return Scan(
            f"visit {visitor.person_id}",
            direction,
            at_ms,
            refused(Reason.NOT_A_PASS),
            person,
            id_matches=None if visitor.has_document else False,
            companions=tuple(Companion(name=name) for name in visitor.companions),
        )

    def decided(self, scan: Scan, *, alone: bool = False, claim: Claim | None = None) -> Scan:
        """Return the scan with the answer of this moment.

        `alone`: the community cannot be asked. `claim` is what it answered when it was asked about this first leg.
        """
        person = scan.person
        if person is None:
            return scan
        head = self._journal.head()
        is_behind = scan.at_ms < head.latest_ms - CLOCK_TOLERANCE_MS
        counted_ms, ahead_ms = scan.at_ms, self._journal.drift_ms or 0
        if is_behind:
            counted_ms, ahead_ms = head.latest_ms, head.latest_drift_ms
        local_now = local_time(counted_ms, self._zone)
        orders = self._register.orders()
        rules = orders.rules
        kind = rules.kind(person.kind.code, counted_ms - ahead_ms) or person.kind
        entry = self._entry((head.n, orders.feed_n), person, kind, local_now.date(), counted_ms, ahead_ms)
        person, known = self._known(scan, person, kind, entry)
        finding, celsius = self._finding(scan)
        facts = Facts(
            known,
            entry.stands,
            scan.direction,
            local_now,
            finding,
            scan.typed,
            id_matches=scan.id_matches,
            mode=rules.mode(counted_ms - ahead_ms),
            clock_behind=is_behind,
            stale=orders.is_stale(counted_ms, STALE_AFTER_MS),
            unclaimed=alone,
            host_known=person.host_known,
        )
        answered = replace(
            scan,
            person=person,
            verdict=decide(facts),
            celsius=celsius,
            last_leg=entry.stands.last_leg,
            state_detail=entry.detail,
            counted_ms=counted_ms,
            ahead_ms=ahead_ms,
        )
        if claim:
            answered = self._with_claim(answered, facts, claim)
        if scan.override and answered.verdict.outcome is Outcome.REFUSE:
            answered = replace(answered, verdict=overruled(answered.verdict))
        return answered

    def keys(self, scan: Scan) -> list[str]:
        """Return what a first leg claims at the community."""
        person = scan.person
        assert person is not None  # noqa: S101 - a scan without a person has no first leg
        day = local_time(scan.counted_ms, self._zone).date()
        return claim_keys(person.kind, person.line, person.household, scan.last_leg, scan.verdict.used, day)

    def _with_claim(self, answered: Scan, facts: Facts, claim: Claim) -> Scan:
        if claim.answer is None or claim.keys != self.keys(answered):
            # Nobody answered, or it was about another state of things: the station decides alone.
            return replace(answered, verdict=decide(replace(facts, unclaimed=True)))
        if not claim.answer.granted and answered.verdict.outcome is not Outcome.REFUSE:
            return replace(answered, verdict=lost(answered.verdict, claim.answer, answered.direction))
        return answered

    def _entry(
        self, version: tuple[int, int | None], person: Person, kind: Kind, today: date, at_ms: int, ahead_ms: int
    ) -> _Entry:
        """Return what the register has about a pass, or about a visitor without one.

        The register is folded from journal and feed, so while neither has grown (`version`) the answer to the same
        question is the same: whoever is scanned, measured and recorded is looked up once.
        """
        pass_id, visit = person.pass_id, person.visit
        asked = (version, pass_id, kind, today, ahead_ms, visit and (person.household, person.holder_id))
        if asked == self._asked and kind.count == "pass":
            return self._found
        row = self._register.find_pass(pass_id)
        line = row.line if row else self._register.line_of(pass_id)
        state, detail = (row.state, row.detail) if row else self._register.state_of(pass_id)
        if visit:
            against = self._register.restrictions(person.holder_id or pass_id, person.household or "", today)
        else:
            against = self._register.restrictions(row.holder_id, row.household, today) if row else ()
        stands = self.standing(line, row.household if row else None, kind, today, at_ms, ahead_ms)
        self._asked, self._found = asked, _Entry(row, line, state, detail, against, stands)
        return self._found

    def _known(self, scan: Scan, person: Person, kind: Kind, entry: _Entry) -> tuple[Person, KnownPass]:
        """Return the person and the pass as the register completes them."""
        row = entry.row
        if row:
            person = replace(
                person,
                kind=kind,
                holder=row.holder or person.holder,
                holder_id=row.holder_id,
                household=row.household,
                line=entry.line,
            )
        else:
            person = replace(person, kind=kind, line=entry.line)
        known = KnownPass(
            kind=kind,
            valid_from=person.valid_from,
            valid_until=person.valid_until,
            state=entry.state,
            in_roster=row is not None or person.visit is not None,
            key_withdrawn=scan.token is not None
            and not self._key_as_of_now(scan.token.key).is_trusted_for(
                row.issued_ms if row and _is_own_token(scan, row) else None, scan.at_ms, self._zone
            ),
            against_holder=entry.against_holder,
        )
        return person, known

    def _key_as_of_now(self, read_with: TrustedKey) -> TrustedKey:
        """Return the newest entry of the key that a token was read with: it may have been withdrawn since."""
        candidates = self._trust().candidates(read_with.key_id, read_with.community)
        return next((key for key in candidates if key.public_key == read_with.public_key), read_with)

    def standing(
        self, line: str, household: str | None, kind: Kind, today: date, at_ms: int, ahead_ms: int
    ) -> Standing:
        """Return where a line of passes stands on a day, by what is known here.

        Where the kind counts per household, the trips of its other passes are counted too, of the kinds that do so at
        the instant `at_ms`. Both it and the day are by a clock that is `ahead_ms` ahead of the community's.
        """
        own = self._standing_of(line, kind, today, ahead_ms)
        if kind.count == "pass" or not household:
            return own
        in_force = self._register.rules().in_force(at_ms - ahead_ms)
        counted = [code for code, other in in_force.items() if other.count == "household"]
        lines = self._register.lines_of_household(household, counted)
        others = sum(self._standing_of(other, kind, today, ahead_ms).used for other in lines if other != line)
        return replace(own, used=own.used + others)

    def _standing_of(self, line: str, kind: Kind, today: date, ahead_ms: int) -> Standing:
        legs = self._register.legs(line, today - timedelta(days=kind.period_days - 1), ahead_ms)
        return standing(legs, kind.first_leg, today, kind.period_days, self._zone)

    def next_to_measure(self, scan: Scan) -> int | None:
        """Return who has no valid reading yet: 0 for the pass's holder, n for the n-th companion, None for nobody."""
        for number, (finding, _celsius) in enumerate(self._findings(scan)):
            if finding in (None, Finding.LOW, Finding.IMPLAUSIBLE):
                return number
        return None

    def _finding(self, scan: Scan) -> tuple[Finding | Skipped | None, float | None]:
        """Return what the readings of all who pass amount to, and the value that decided: the gravest of them."""
        findings = self._findings(scan)
        return findings[0] if len(findings) == 1 else min(findings, key=lambda found: _GRAVITY.index(found[0]))

    def _findings(self, scan: Scan) -> list[tuple[Finding | Skipped | None, float | None]]:
        own = self._of_series(scan.attempts[scan.carried :], scan.no_reading_reason)
        return [own, *(self._of_series(one.attempts, one.no_reading_reason) for one in scan.companions)]

    def _of_series(
        self, attempts: Sequence[Attempt], no_reading_reason: str | None
    ) -> tuple[Finding | Skipped | None, float | None]:
        """Return what one person's series of attempts amounts to, and the value that decided."""
        judged = [(self._rule.judge(attempt.celsius), attempt.celsius) for attempt in attempts]
        valid = [(finding, celsius) for finding, celsius in judged if finding in (Finding.NORMAL, Finding.FEVER)]
        if valid:
            return valid[-1]
        if no_reading_reason:
            return SKIPPED, None
        return (judged[-1][0], None) if judged else (None, None)


_GRAVITY = (Finding.FEVER, Finding.LOW, Finding.IMPLAUSIBLE, None, SKIPPED, Finding.NORMAL)
"""What counts where several people pass together, the gravest first."""


def _is_own_token(scan: Scan, row: PassRow) -> bool:
    """Whether the token is the very one that was issued: whoever stole a key can write a known pass id into another."""
    return scan.typed or row.token in (scan.text, mark_of(scan.text))


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
        line=claims.pass_id.hex(),
    )
