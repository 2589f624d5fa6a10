"""By which key a community knows what a station has signed: the first one that the station proved to be its own.

The proof is an HMAC (RFC 2104) under the SHA-256 of the station's secret, which is all that the community keeps of it:
whoever may speak for a station over HTTP may say which key is its own, once.
"""

import hmac

import sqlalchemy as sa

from passes.errors import N_, GatepostError
from sync.community.database import stations
from sync.secrets import key_proof


class StationKeyError(GatepostError):
    """A key that is not the station's."""


def check_key(connection: sa.Connection, community: str, station: str, public_key: bytes, proof: bytes) -> None:
    """See that a key is the station's: the one it has shown before, or one that it proves to be its own.

    Raises `StationKeyError`.
    """
    row = connection.execute(
        sa.select(stations.c.public_key, stations.c.secret_sha256).where(_is_it(community, station))
    ).one()
    if row.public_key is None:
        if not hmac.compare_digest(proof, key_proof(row.secret_sha256, community, station, public_key)):
            raise StationKeyError(
                N_("station {station}: does not prove the key it signs with by its secret; enrol it again"),
                station=station,
            )
    elif row.public_key != public_key.hex():
        raise StationKeyError(
            N_(
                "station {station}: signed with another key than the one it is known by; put {file} back into its"
                " folder from a backup, or enrol it under a new id"
            ),
            station=station,
            file="head-key.pem",
        )


def register_key(connection: sa.Connection, community: str, station: str, public_key: bytes) -> None:
    """Remember a key that `check_key` found good; a later one changes nothing."""
    is_first = sa.and_(_is_it(community, station), stations.c.public_key.is_(None))
    connection.execute(sa.update(stations).where(is_first).values(public_key=public_key.hex()))


def _is_it(community: str, station: str) -> sa.ColumnElement[bool]:
    return sa.and_(stations.c.community == community, stations.c.station == station)
