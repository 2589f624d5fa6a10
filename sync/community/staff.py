"""The people of a community's office: their roles, and the passwords by which they prove themselves."""

import base64
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from passes.errors import N_, GatepostError, UsageError
from sync.community.database import reading, staff, writing
from sync.passwords import HASH_BYTES, ITERATIONS, LANES, MEMORY_KIB, SALT_BYTES, hash_password, is_password

Role = Literal["viewer", "worker", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
MAY_UNMASK: frozenset[Role] = frozenset({"worker", "lead", "admin"})
MAY_OPEN: frozenset[Role] = frozenset({"lead", "admin"})
"""Who may see ID and phone numbers that stations have sealed."""

MIN_PASSWORD_CHARS = 8
"""NIST SP 800-63B section 3.1.1.2, for a password that is not the only bar to the data."""


def _zeros(count: int) -> str:
    return base64.b64encode(bytes(count)).decode().rstrip("=")


# Verified in place of an unknown account's hash, so that the answer takes as long; no password is known to have it.
_NOBODYS_HASH = f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${_zeros(SALT_BYTES)}${_zeros(HASH_BYTES)}"


class NotAllowedError(GatepostError):
    """The account does not exist, its password is another, or its role may not do this."""


def add_staff(engine: sa.Engine, community: str, name: str, *, role: Role, password: str, now_ms: int) -> None:
    """Enter an account; raises `UsageError` for a name that is taken or a password that is too short."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise UsageError(
            N_("password of {name}: at least {least} characters are needed"), name=name, least=MIN_PASSWORD_CHARS
        )
    row = {
        "community": community,
        "name": name,
        "role": role,
        "password_hash": hash_password(password),
        "added_at_ms": now_ms,
    }
    with writing(engine) as connection:
        try:
            connection.execute(sa.insert(staff), row)
        except IntegrityError as error:
            raise UsageError(N_("staff {name!r}: has an account already; choose another name"), name=name) from error


def check_staff(engine: sa.Engine, community: str, name: str, password: str) -> Role:
    """Return the role of the account `name` if this is its password.

    Raises `NotAllowedError` without telling whether name or password was wrong, after the same work for both.
    """
    query = sa.select(staff.c.role, staff.c.password_hash)
    with reading(engine) as connection:
        row = connection.execute(query.where(staff.c.community == community, staff.c.name == name)).one_or_none()
    expected = _NOBODYS_HASH if row is None else row.password_hash
    if not is_password(password, expected) or row is None:
        raise NotAllowedError(N_("staff {name!r}: no such account, or another password; check both"), name=name)
    role: Role = row.role
    return role
