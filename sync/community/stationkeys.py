"""By which key a community knows what a station has signed: the first one that the station proved to be its own.

The proof is an HMAC (RFC 2104) under the SHA-256 of the station's secret, which is all that the community keeps of it:
whoever may speak for a station over HTTP may say which key is its own, once.
"""

import hmac

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKeyConstraint, PrimaryKeyConstraint, Table

from passes.errors import N_, GatepostError
from sync.community.database import key_text, metadata, stations
from sync.community.inserting import insert_unless_there
from sync.secrets import key_proof

station_keys = Table(
    "station_keys",
    metadata,
    Column("community", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("public_key", key_text, nullable=False),
    Column("registered_at_ms", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", "station", name="station_keys_pk"),
    ForeignKeyConstraint(
        ["community", "station"], ["stations.community", "stations.station"], name="station_keys_station_fk"
    ),
)


class StationKeyError(GatepostError):
    """A key that is not the station's."""


def known_key(connection: sa.Connection, community: str, station: str) -> bytes | None:
    """Return the raw Ed25519 key that the station signs with; None while it has not shown one."""
    query = sa.select(station_keys.c.public_key).where(
        station_keys.c.community == community, station_keys.c.station == station
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes.fromhex(found)


def check_key(connection: sa.Connection, community: str, station: str, public_key: bytes, proof: bytes) -> None:
    """See that a key is the station's: the one it has shown before, or one that it proves to be its own.

    Raises `StationKeyError`.
    """
    known = known_key(connection, community, station)
    if known is None:
        secret = sa.select(stations.c.secret_sha256).where(
            stations.c.community == community, stations.c.station == station
        )
        digest = connection.execute(secret).scalar_one_or_none() or ""
        if not hmac.compare_digest(proof, key_proof(digest, community, station, public_key)):
            raise StationKeyError(
                N_("station {station}: does not prove the key it signs with by its secret; enrol it again"),
                station=station,
            )
    elif known != public_key:
        raise StationKeyError(
            N_(
                "station {station}: signed with another key than the one it is known by; put station-key.pem back into "
                "its folder from a backup, or enrol it under a new id"
            ),
            station=station,
        )


def register_key(connection: sa.Connection, community: str, station: str, public_key: bytes, now_ms: int) -> None:
    """Remember a key that `check_key` found good; a later one changes nothing."""
    row = {"community": community, "station": station, "public_key": public_key.hex(), "registered_at_ms": now_ms}
    insert_unless_there(connection, station_keys, [row])
