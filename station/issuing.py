"""Issuing and ending passes: the desk's use cases."""

import secrets
from dataclasses import dataclass
from datetime import date

from passes.errors import N_, GatepostError, UsageError
from passes.keys import IssuingKey
from passes.kinds import Kind
from passes.number import number_of, parse_number
from passes.plaintext import plain
from passes.token import PassClaims, issue_token
from station.clock import Clock
from station.journal import Journal
from station.register import PassRow, Register
from sync.bodies import PassIssued, PassRevoked
from sync.events import new_id


class IssuingError(GatepostError):
    """A pass that cannot be issued or ended as asked."""


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks for which pass; both dates are community-local and inclusive."""

    holder: str
    address: str
    kind: Kind
    valid_from: date
    valid_until: date
    household: str | None = None


@dataclass(slots=True)
class Desk:
    """The desk of one station that may issue passes with its own key."""

    journal: Journal
    register: Register
    key: IssuingKey
    community: str
    clock: Clock

    def issue(self, asked: Application) -> PassRow:
        """Sign and record one pass.

        Raises `UsageError` for an empty or over-long name or address and for dates the wrong way round.
        """
        _check(asked)
        with self.journal.writing():
            pass_id = secrets.token_bytes(16)
            while self.register.find_number(number_of(pass_id)):
                pass_id = secrets.token_bytes(16)
            claims = PassClaims(
                pass_id=pass_id,
                community=self.community,
                kind=asked.kind.code,
                valid_from=asked.valid_from,
                valid_until=asked.valid_until,
                holder=asked.holder,
                address=asked.address,
            )
            at_ms = self.clock.now_ms()
            body = PassIssued(
                pass_id=pass_id.hex(),
                number=number_of(pass_id),
                pass_kind=asked.kind.code,
                holder=asked.holder,
                holder_id=new_id(at_ms),
                household=asked.household or asked.address,
                address=asked.address,
                valid_from=asked.valid_from.isoformat(),
                valid_until=asked.valid_until.isoformat(),
                key_id=self.key.key_id.hex(),
                token=issue_token(claims, self.key),
            )
            self.register.record(body, at_ms)
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
        known = register.find_pass(row.pass_id)
        if known and known.state == "revoked":
            raise IssuingError(
                N_("pass {number}: has already been revoked ({detail})"), number=row.number, detail=known.detail
            )
        register.record(PassRevoked(pass_id=row.pass_id, reason=reason, witness=witness), clock.now_ms())


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
