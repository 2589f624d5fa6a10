"""The stations of a community: who they are, and the secret by which each proves itself.

A secret is 256 random bits; only its SHA-256 is kept. That needs no slow hash: nobody guesses 256 bits.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from passes.errors import N_, GatepostError, UsageError
from sync.community.database import asking, communities, reading, stations, writing
from sync.events import OFFICE
from sync.secrets import secret_digest
from sync.wire import SignedHead

_SECRET_PREFIX = "gps_"  # noqa: S105 - the mark by which a leaked secret is recognised, not a secret
_STATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)


Place = tuple[str, int]
"""An event's epoch and number: where it stands in its station's journal."""


_IS_STATION = (
    stations.c.community == sa.bindparam("of_community"),
    stations.c.station == sa.bindparam("of_station"),
)

# Statements of every batch are built once, which would else cost as much as running them.
_CALLER = (
    sa.select(
        stations.c.secret_sha256,
        stations.c.withdrawn_at_ms,
        stations.c.station,
        stations.c.name,
        communities.c.community,
        communities.c.name,
        communities.c.zone,
        communities.c.generation,
    )
    .join_from(stations, communities, stations.c.community == communities.c.community)
    .where(stations.c.community == sa.bindparam("of_community"), stations.c.secret_sha256 == sa.bindparam("digest"))
)
_NOTE_CONTACT = (
    sa.update(stations)
    .where(*_IS_STATION, stations.c.withdrawn_at_ms.is_(None))
    .values(last_contact_ms=sa.bindparam("now_ms"))
)
_ADVANCE_HEAD = _NOTE_CONTACT.where(
    stations.c.head_epoch == sa.bindparam("epoch"), stations.c.head_seq == sa.bindparam("before_seq")
).values(head_seq=sa.bindparam("last_seq"))
_NOTE_HEAD = (
    sa.update(stations)
    .where(*_IS_STATION)
    .values(head_epoch=sa.bindparam("new_epoch"), head_seq=sa.bindparam("new_seq"))
)


class UnknownSecretError(GatepostError):
    """The caller has no secret of this community."""


class StationWithdrawnError(GatepostError):
    """The caller's station takes part no more."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The station that a secret belongs to, and its community as the database knows it."""

    station: str
    station_name: str
    community: str
    community_name: str
    zone: str
    generation: str


@dataclass(frozen=True, slots=True)
class Station:
    """A station's entry; the three instants are UTC milliseconds, None for what has not happened."""

    station: str
    name: str
    added_at_ms: int
    withdrawn_at_ms: int | None
    last_contact_ms: int | None


def check_new_station(engine: sa.Engine, community: str, station: str) -> None:
    """Raise `UsageError` unless `station` is free, and fit for file names, addresses and printed lists."""
    if not _STATION_ID.fullmatch(station):
        raise UsageError(
            N_('station id {station!r}: use 1 to 32 letters a-z, digits, "_", "." and "-", not a mark first'),
            station=station,
        )
    if station.lower() == OFFICE:
        raise UsageError(N_("station {station}: this id is the community's own; choose another id"), station=station)
    if station in {entry.station for entry in list_stations(engine, community)}:
        raise _taken(station)


def add_station(engine: sa.Engine, community: str, station: str, name: str, now_ms: int) -> str:
    """Enrol a station and return its secret, which is kept nowhere else.

    Raises `UsageError` for an id that is taken or badly formed.
    """
    check_new_station(engine, community, station)
    secret = make_secret()
    row = {
        "community": community,
        "station": station,
        "name": name,
        "secret_sha256": secret_digest(secret),
        "added_at_ms": now_ms,
    }
    with writing(engine) as connection:
        try:
            connection.execute(sa.insert(stations), row)
        except IntegrityError as error:
            raise _taken(station) from error
    return secret


def replace_secret(engine: sa.Engine, community: str, station: str, secret: str) -> None:
    """Let another machine be the station from now on: by this secret, and by whatever key it signs with first."""
    with writing(engine) as connection:
        connection.execute(
            sa.update(stations)
            .where(stations.c.community == community, stations.c.station == station)
            .values(secret_sha256=secret_digest(secret), public_key=None)
        )


def make_secret() -> str:
    """Return a new secret, which is nobody's yet."""
    return _SECRET_PREFIX + secrets.token_urlsafe(32)


def withdraw_station(engine: sa.Engine, community: str, station: str, now_ms: int) -> None:
    """Shut a station out from the next request on; its records stay.

    Raises `UsageError` when there is no such station or it was withdrawn before.
    """
    with writing(engine) as connection:
        changed = connection.execute(
            sa.update(stations)
            .where(
                stations.c.community == community,
                stations.c.station == station,
                stations.c.withdrawn_at_ms.is_(None),
            )
            .values(withdrawn_at_ms=now_ms)
        ).rowcount
    if not changed:
        raise UsageError(
            N_("station {station!r}: no enrolled station has this id; see: gatepost community station list"),
            station=station,
        )


def list_stations(engine: sa.Engine, community: str) -> list[Station]:
    """Return the community's stations by id, withdrawn ones included."""
    query = (
        sa.select(
            stations.c.station,
            stations.c.name,
            stations.c.added_at_ms,
            stations.c.withdrawn_at_ms,
            stations.c.last_contact_ms,
        )
        .where(stations.c.community == community)
        .order_by(stations.c.station)
    )
    with reading(engine) as connection:
        return [Station(*row) for row in connection.execute(query)]


def require_enrolled(connection: sa.Connection, community: str, station: str) -> str:
    """Return the SHA-256 of the secret of a station that takes part; raises `StationWithdrawnError` for another."""
    query = sa.select(stations.c.secret_sha256, stations.c.withdrawn_at_ms)
    row = connection.execute(
        query.where(stations.c.community == community, stations.c.station == station)
    ).one_or_none()
    if row is None:
        raise StationWithdrawnError(
            N_("station {station!r}: no enrolled station has this id; see: gatepost community station list"),
            station=station[:80],
        )
    if row.withdrawn_at_ms is not None:
        raise _withdrawn(station)
    return str(row.secret_sha256)


def authenticate(engine: sa.Engine, community: str, digest: str) -> Caller:
    """Return the station of `community` whose secret has this digest, as `secret_digest` makes it.

    Raises `UnknownSecretError`, also for a secret of another community; `StationWithdrawnError`; `DatabaseError`.
    """
    with asking(engine) as connection:
        row = connection.execute(_CALLER, {"of_community": community, "digest": digest}).one_or_none()
    if row is None or not hmac.compare_digest(row[0], digest):
        raise UnknownSecretError(
            N_("Authorization: no station of this community has this secret; enrol with the file from the office")
        )
    if row[1] is not None:
        raise _withdrawn(row[2])
    return Caller(*row[2:])


def note_contact(connection: sa.Connection, community: str, station: str, now_ms: int) -> None:
    """Write down when the station was last heard, and make other batches of it wait; raises `StationWithdrawnError`."""
    row = {"of_community": community, "of_station": station, "now_ms": now_ms}
    if connection.execute(_NOTE_CONTACT, row).rowcount == 0:
        raise _withdrawn(station)


def advance_head(
    connection: sa.Connection, community: str, station: str, now_ms: int, epoch: str, numbers: tuple[int, int]
) -> bool:
    """Move the head to the last of `numbers` if it is in `epoch` and right before the first, and say whether it was.

    If so, nothing between the two numbers is stored, and the contact is noted as by `note_contact`; else nothing is.
    """
    row = {"of_community": community, "of_station": station, "now_ms": now_ms, "epoch": epoch}
    row |= {"before_seq": numbers[0] - 1, "last_seq": numbers[1]}
    return connection.execute(_ADVANCE_HEAD, row).rowcount == 1


def note_head(connection: sa.Connection, community: str, station: str, head: Place) -> None:
    """Write down an epoch of the station, and a number beyond which none of its events is stored."""
    epoch, seq = head
    connection.execute(
        _NOTE_HEAD, {"of_community": community, "of_station": station, "new_epoch": epoch, "new_seq": seq}
    )


def note_signed_head(connection: sa.Connection, community: str, station: str, head: SignedHead) -> None:
    """Keep the head that a station has signed, whatever it says, unless its key is not the one it joined with.

    The first key that a station shows is its key, if it joined without one; its signature must have been checked.
    """
    key = head.public_key.hex()
    signed = {"signed_epoch": head.epoch, "signed_seq": head.seq, "signed_hash": head.hash}
    connection.execute(
        sa.update(stations)
        .where(
            stations.c.community == community,
            stations.c.station == station,
            sa.or_(stations.c.public_key.is_(None), stations.c.public_key == key),
        )
        .values(public_key=key, signature=head.signature.hex(), **signed)
    )


def signed_head(row: sa.Row[Any]) -> SignedHead | None:
    """Return the head that is kept in a station's row; None where it has signed none."""
    if row.signature is None:
        return None
    return SignedHead(
        epoch=row.signed_epoch,
        seq=row.signed_seq,
        hash=row.signed_hash,
        public_key=bytes.fromhex(row.public_key),
        signature=bytes.fromhex(row.signature),
    )


def _withdrawn(station: str) -> StationWithdrawnError:
    return StationWithdrawnError(
        N_("station {station}: was withdrawn by the community; its records stay here and wait, ask the office"),
        station=station,
    )


def _taken(station: str) -> UsageError:
    return UsageError(
        N_("station {station}: is enrolled already; choose another id, or withdraw this one and add a new id"),
        station=station,
    )
