"""Who works at this station, what they may do, and the PINs by which they prove who they are.

Names and roles are facts and stand in the journal (`staff.set`). PINs are no facts: only their hashes are kept, among
the notes of the station's file, and go nowhere. Where nobody has a PIN for something, a name is enough: a gate with one
guard and no office must not be locked by its own program.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain
from station.i18n import _
from station.notes import delete_note, read_note, write_note
from sync.bodies import StaffSet

if TYPE_CHECKING:
    from station.clock import Clock
    from station.journal import Journal
    from station.register import Register

LEAST_DIGITS: Final = 4
MOST_DIGITS: Final = 12
FREE_TRIES: Final = 3
"""So many wrong PINs in a row cost nothing; each further one makes the next wait, twice as long as the one before."""

FIRST_WAIT_MS: Final = 30_000
LONGEST_WAIT_MS: Final = 15 * 60_000
MOST_TRIES: Final = 12
"""After so many wrong PINs in a row only a new one helps."""

_MOST_NAME = 40
_PIN = "pin:"


class Role(StrEnum):
    """What somebody may do; every one of them may do what a guard may, an admin everything."""

    GUARD = "guard"
    LEAD = "lead"
    ISSUER = "issuer"
    ADMIN = "admin"


ROLE_NAMES: Final = {
    Role.GUARD: N_("guard"),
    Role.LEAD: N_("lead"),
    Role.ISSUER: N_("issuer"),
    Role.ADMIN: N_("admin"),
}
"""What to call each; marked by `N_`, translated where it is shown."""


class AccessError(GatepostError):
    """Somebody did not prove to be who may do this; the sentence says what helps."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who works here."""

    name: str
    roles: frozenset[Role]
    has_pin: bool = False

    def may(self, role: Role) -> bool:
        """Say whether they may do what this role is needed for."""
        return role is Role.GUARD or role in self.roles or Role.ADMIN in self.roles


class _Pin(msgspec.Struct, frozen=True):
    """What is kept of one PIN: its hash, the wrong ones tried in a row, and until when no other is looked at."""

    kept: str
    wrong: int = 0
    wait_until_ms: int = 0


class Access:
    """The staff of one station; belongs to the thread that opened its journal."""

    def __init__(self, journal: "Journal", register: "Register", clock: "Clock") -> None:
        self._journal = journal
        self._db = journal.connection
        self._register = register
        self._clock = clock

    def members(self) -> list[Member]:
        """Return everybody who works here, by name."""
        pins = {name for (name,) in self._db.execute("SELECT name FROM notes WHERE name GLOB 'pin:*'")}
        rows = self._db.execute("SELECT name, roles FROM staff WHERE is_active ORDER BY name")
        return [Member(name, frozenset(map(Role, roles.split())), f"{_PIN}{name}" in pins) for name, roles in rows]

    def provers(self, role: Role) -> list[Member]:
        """Return those with a PIN who may do what this role is needed for; where there are none, a name is enough."""
        return [member for member in self.members() if member.has_pin and member.may(role)]

    def verify(self, name: str, pin: str, role: Role) -> Member:
        """Return who proved to be `name` and may do what `role` is needed for.

        A wrong PIN is counted before it is known to be wrong, so that ending the program does not win another try.
        Where nobody has a PIN for this, any name will do. Raises `UsageError` without a name, `AccessError` for a wrong
        PIN, while waiting after too many of them, and for whoever may not do this.
        """
        asked = plain(name.strip(), _MOST_NAME)
        if not asked:
            raise UsageError(N_("name: write who is responsible for this"))
        provers = self.provers(role)
        if not provers:
            return Member(asked, frozenset({role}))
        member = next((one for one in provers if one.name == asked), None)
        if member is None:
            raise AccessError(
                N_("{name}: has no PIN as {role} here; choose one of: {names}"),
                name=asked,
                role=_(ROLE_NAMES[role]),
                names=", ".join(one.name for one in provers),
            )
        before = self._count_try(member.name)
        from sync.passwords import is_password

        if not is_password(_digits(pin), before.kept):
            raise self._wrong(member.name)
        with self._journal.writing():
            self._keep(member.name, _Pin(before.kept))
        return member

    def set_member(self, name: str, roles: Iterable[Role]) -> Member:
        """Record that somebody works here and what they may do; raises `UsageError` without a name."""
        called = plain(name.strip(), _MOST_NAME)
        if not called:
            raise UsageError(N_("name: write who works here"))
        held = sorted(set(roles) or {Role.GUARD}, key=list(Role).index)
        self._record(StaffSet(name=called, roles=[role.value for role in held]))
        return self._member(called)

    def remove(self, name: str) -> None:
        """Record that somebody works here no more, and forget their PIN; raises `UsageError` for nobody known."""
        member = self._member(name)
        with self._journal.writing():
            delete_note(self._db, _PIN + member.name)
            body = StaffSet(name=member.name, active=False)
            self._register.record(body, self._clock.now_ms())

    def set_pin(self, name: str, pin: str) -> None:
        """Give somebody a new PIN, which also ends any waiting.

        Raises `UsageError` for nobody known here and for a PIN that is too short, too long, no digits or too easy.
        """
        member, digits = self._member(name), check_pin(pin)
        from sync.passwords import hash_password

        kept = hash_password(digits)
        with self._journal.writing():
            self._keep(member.name, _Pin(kept))

    def _member(self, name: str) -> Member:
        found = next((one for one in self.members() if one.name == name.strip()), None)
        if found is None:
            raise UsageError(
                N_("{name}: nobody of this name works here; add them on the staff screen or with: gatepost staff set"),
                name=name,
            )
        return found

    def _record(self, body: StaffSet) -> None:
        with self._journal.writing():
            self._register.record(body, self._clock.now_ms())

    def _count_try(self, name: str) -> _Pin:
        """Count one more try and return what was kept before it; raises `AccessError` while no try is allowed."""
        with self._journal.writing():
            now_ms, pin = self._clock.now_ms(), self._kept(name)
            # A clock that was set back must not make anybody wait for years.
            left_ms = min(pin.wait_until_ms - now_ms, LONGEST_WAIT_MS)
            if pin.wrong >= MOST_TRIES:
                raise AccessError(_LOCKED, name=name, count=pin.wrong)
            if left_ms > 0:
                raise AccessError(_WAIT, name=name, seconds=-(-left_ms // 1000))
            wrong = pin.wrong + 1
            doubled = FIRST_WAIT_MS << max(0, wrong - FREE_TRIES - 1)
            wait_ms = min(doubled, LONGEST_WAIT_MS) if wrong > FREE_TRIES else 0
            self._keep(name, _Pin(pin.kept, wrong, now_ms + wait_ms))
        return pin

    def _wrong(self, name: str) -> AccessError:
        pin = self._kept(name)
        if pin.wrong >= MOST_TRIES:
            return AccessError(_LOCKED, name=name, count=pin.wrong)
        if pin.wrong > FREE_TRIES:
            return AccessError(_WAIT, name=name, seconds=-(-(pin.wait_until_ms - self._clock.now_ms()) // 1000))
        return AccessError(N_("{name}: wrong PIN; try again"), name=name)

    def _kept(self, name: str) -> _Pin:
        return msgspec.json.decode(read_note(self._db, _PIN + name) or "", type=_Pin)

    def _keep(self, name: str, pin: _Pin) -> None:
        write_note(self._db, _PIN + name, msgspec.json.encode(pin).decode())


_WAIT = N_("{name}: too many wrong PINs; wait {seconds} seconds, or let the lead set a new one")
_LOCKED = N_("{name}: {count} wrong PINs in a row; set a new one: staff screen, or gatepost staff pin {name}")


def check_pin(pin: str) -> str:
    """Return the digits of a new PIN; raises `UsageError` for what is too short, too long, no digits or too easy."""
    digits = _digits(pin)
    if not (digits.isascii() and digits.isdecimal() and LEAST_DIGITS <= len(digits) <= MOST_DIGITS):
        raise UsageError(
            N_("PIN: write {least} to {most} digits and nothing else"), least=LEAST_DIGITS, most=MOST_DIGITS
        )
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    if steps in ({0}, {1}, {9}):
        raise UsageError(N_("PIN: all the same or in a row is guessed first; choose other digits"))
    return digits


def _digits(pin: str) -> str:
    return unicodedata.normalize("NFKC", pin).strip()
