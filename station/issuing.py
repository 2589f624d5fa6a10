"""Issuing, replacing, resting and ending passes: the desk's use cases."""

import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from passes.errors import N_, GatepostError, UsageError
from passes.keys import IssuingKey
from passes.kinds import Kind
from passes.number import number_of, parse_number
from passes.plaintext import plain
from passes.policy import State
from passes.reasons import Reason
from passes.token import PassClaims, issue_token
from station.clock import Clock
from station.duty.watch import listed_as
from station.journal import Journal
from station.numbers import Numbers, registration, same_person
from station.register import PassRow, PersonRow, Register
from sync.bodies import PassIssued, PassReplaced, PassRestored, PassRevoked, PassSuspended
from sync.events import new_id
from sync.sealing import Sealer

ENDINGS = ("lost", "withdrawn", "void", "destroyed")
"""The usual reasons for which a pass ends; any other words are a reason too."""


class IssuingError(GatepostError):
    """A pass that cannot be issued or ended as asked."""


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks for which pass; both dates are community-local and inclusive.

    `holder_id` is that of a person of the roster; without one, whoever has the same name and address there is taken
    for the same person, unless their ID numbers differ. `source` names the spreadsheet row that asks. `id_number` and
    `phone` are written as by `passes.identity`; they are sealed where the office gave a key to seal to, else dropped.
    """

    holder: str
    address: str
    kind: Kind
    valid_from: date
    valid_until: date
    household: str | None = None
    holder_id: str | None = None
    source: str | None = None
    state: Literal["active", "requested"] = "active"
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)


@dataclass(slots=True)
class Desk:
    """The desk of one station that may issue passes with its own key; `with_names` says whether codes tell the name."""

    journal: Journal
    register: Register
    key: IssuingKey
    community: str
    clock: Clock
    with_names: bool = True
    sealer: Sealer | None = None

    def issue(self, asked: Application) -> PassRow:
        """Sign and record one pass.

        Raises `UsageError` for an empty or over-long name or address and for dates the wrong way round, `IssuingError`
        when the spreadsheet row has its pass already.
        """
        _check(asked)
        numbers = Numbers.of(self.sealer, asked.id_number, asked.phone)
        with self.journal.writing():
            return self._issue(asked, numbers)

    def replace(self, old: PassRow, *, reason: str) -> PassRow:
        """Issue a new pass in the place of one that is lost or worn; trips of both are counted together.

        Raises `UsageError` for an unusable reason, `IssuingError` when `old` has been replaced already.
        """
        _check_text("reason", reason, 200)
        rules = self.register.rules()
        with self.journal.writing():
            state, detail = self.register.state_of(old.pass_id)
            if state is State.REPLACED:
                by = self.register.find_pass(detail or "")
                raise IssuingError(
                    N_("pass {number}: has been replaced already, by {by}"),
                    number=old.number,
                    by=by.number if by else detail,
                )
            if state in (State.REQUESTED, State.SUSPENDED):
                raise IssuingError(
                    N_("pass {number}: is not active, so nothing can take its place; restore it first"),
                    number=old.number,
                )
            kind = rules.kind(old.kind, self.clock.now_ms())
            if kind is None:
                raise IssuingError(
                    N_('pass {number}: its kind "{kind}" is not known here'), number=old.number, kind=old.kind
                )
            asked = Application(
                holder=old.holder,
                address=old.address,
                kind=kind,
                valid_from=date.fromisoformat(old.valid_from),
                valid_until=date.fromisoformat(old.valid_until),
                household=old.household,
                holder_id=old.holder_id,
            )
            new = self._issue(asked, Numbers())
            now_ms = self.clock.now_ms()
            body = PassReplaced(
                pass_id=old.pass_id,
                by=new.pass_id,
                reason=reason,
                order_ms=_order_after(self.register, old.pass_id, now_ms),
            )
            self.register.record(body, now_ms)
        replaced = self.register.find_pass(new.pass_id)
        assert replaced is not None  # noqa: S101 - it has just been recorded
        return replaced

    def _holder_id(self, asked: Application, numbers: Numbers) -> str:
        """Return who asks: a person of the roster, of this ID number, or of this name and address; else a new one."""
        if asked.holder_id:
            return asked.holder_id
        connection = self.journal.connection
        listed = listed_as(connection, asked.holder, asked.address, numbers)
        found = same_person(connection, self.register, numbers, asked.holder, asked.address, listed)
        return found or new_id(self.clock.now_ms())

    def _issue(self, asked: Application, numbers: Numbers) -> PassRow:
        if asked.source and (known := self.register.find_source(asked.source)):
            raise IssuingError(N_("pass {number}: was issued from this very row already"), number=known.number)
        pass_id = secrets.token_bytes(16)
        while self.register.find_number(number_of(pass_id)):
            pass_id = secrets.token_bytes(16)
        claims = PassClaims(
            pass_id=pass_id,
            community=self.community,
            kind=asked.kind.code,
            valid_from=asked.valid_from,
            valid_until=asked.valid_until,
            holder=asked.holder if self.with_names else "",
            address=asked.address,
        )
        at_ms = self.clock.now_ms()
        holder_id = self._holder_id(asked, numbers)
        if Reason.WATCH_LISTED in self.register.restrictions(holder_id, asked.household or "", asked.valid_from):
            raise IssuingError(N_("{holder}: is on the watch list, so no pass is issued"), holder=asked.holder)
        body = PassIssued(
            pass_id=pass_id.hex(),
            number=number_of(pass_id),
            pass_kind=asked.kind.code,
            holder=asked.holder,
            holder_id=holder_id,
            household=asked.household or asked.address,
            address=asked.address,
            valid_from=asked.valid_from.isoformat(),
            valid_until=asked.valid_until.isoformat(),
            key_id=self.key.key_id.hex(),
            token=issue_token(claims, self.key),
            state=asked.state,
            source=asked.source,
        )
        self.register.record(body, at_ms)
        person = PersonRow(holder_id, body.holder, body.household, body.address)
        if registered := registration(self.journal.connection, self.sealer, person, numbers):
            self.register.record(registered, at_ms)
        row = self.register.find_pass(body.pass_id)
        assert row is not None  # noqa: S101 - it has just been recorded
        return row


def revoke(
    journal: Journal, register: Register, clock: Clock, row: PassRow, *, reason: str, witness: str | None = None
) -> None:
    """Record that a pass has ended; its open trip may still return.

    Raises `IssuingError` when it has ended already, `UsageError` for an empty, over-long or unprintable reason or
    witness and when a destroyed pass has no witness.
    """
    _check_text("reason", reason, 200)
    if witness is not None:
        _check_text("witness", witness, 60)
    elif reason == "destroyed":
        raise UsageError(N_("--witness: a pass is destroyed before a witness; name who saw it"))
    with journal.writing():
        state, detail = register.state_of(row.pass_id)
        if state is State.REVOKED:
            raise IssuingError(
                N_("pass {number}: has already been revoked ({detail})"), number=row.number, detail=detail
            )
        now_ms = clock.now_ms()
        order_ms = _order_after(register, row.pass_id, now_ms)
        body = PassRevoked(pass_id=row.pass_id, reason=reason, witness=witness, order_ms=order_ms)
        register.record(body, now_ms)


def suspend(journal: Journal, register: Register, clock: Clock, row: PassRow, *, reason: str) -> None:
    """Let a pass rest until it is restored; its open trip may still return.

    Raises `IssuingError` unless it is active, `UsageError` for an unusable reason.
    """
    _check_text("reason", reason, 200)
    with journal.writing():
        if register.state_of(row.pass_id)[0] is not State.ACTIVE:
            raise IssuingError(N_("pass {number}: is not active, so it cannot be suspended"), number=row.number)
        now_ms = clock.now_ms()
        order_ms = _order_after(register, row.pass_id, now_ms)
        register.record(PassSuspended(pass_id=row.pass_id, reason=reason, order_ms=order_ms), now_ms)


def restore(journal: Journal, register: Register, clock: Clock, row: PassRow, *, reason: str) -> None:
    """Make a suspended, revoked or requested pass good (again).

    Raises `IssuingError` when it is active, and when it was replaced (two passes for one person would be two trips) or
    destroyed; `UsageError` for an unusable reason.
    """
    _check_text("reason", reason, 200)
    with journal.writing():
        state, detail = register.state_of(row.pass_id)
        if state is State.ACTIVE:
            raise IssuingError(N_("pass {number}: is active, there is nothing to restore"), number=row.number)
        if state is State.REPLACED or detail == "destroyed":
            raise IssuingError(
                N_("pass {number}: was replaced or destroyed and stays so; issue another one"), number=row.number
            )
        now_ms = clock.now_ms()
        order_ms = _order_after(register, row.pass_id, now_ms)
        register.record(PassRestored(pass_id=row.pass_id, reason=reason, order_ms=order_ms), now_ms)


def _order_after(register: Register, pass_id: str, now_ms: int) -> int | None:
    """Return the place behind everything known of a pass, where the clock alone would not put the next step there."""
    newest_ms = register.newest_state_ms(pass_id)
    return newest_ms + 1 if newest_ms is not None and newest_ms >= now_ms else None


def find(register: Register, number: str) -> PassRow:
    """Return the pass with this printed number, however it was typed.

    Raises `UsageError` for what is no pass number, `IssuingError` when no pass here has it.
    """
    parsed = parse_number(number)
    if parsed is None:
        raise UsageError(
            N_('pass number "{number}": not one of ours or mistyped (its last character checks the others)'),
            number=number,
        )
    row = register.find_number(parsed)
    if row is None:
        raise IssuingError(N_("pass {number}: not known at this station"), number=parsed)
    return row


def _check(asked: Application) -> None:
    _check_text("holder", asked.holder, 40)
    _check_text("address", asked.address, 40)
    if asked.household is not None:
        _check_text("household", asked.household, 60)
    if asked.valid_until < asked.valid_from:
        raise UsageError(
            N_("until = {until}: lies before from = {start}; give the last day of validity"),
            until=asked.valid_until,
            start=asked.valid_from,
        )


def _check_text(field: str, text: str, most_bytes: int) -> None:
    # What is not plain may hold surrogates, which cannot be encoded and so not be counted.
    if not text.strip() or plain(text, most_bytes) != text or len(text.encode()) > most_bytes:
        raise UsageError(
            N_('{field} = "{text}": write 1 to {most} bytes of ordinary characters (a Chinese character has 3)'),
            field=field,
            text=text,
            most=most_bytes,
        )
