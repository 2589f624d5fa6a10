"""Offers to join: what the office sealed for a new station, until whoever has the one-time code takes it.

An offer holds until it is taken, for `VALID_MS`, and for `MOST_TRIES` wrong proofs. It is taken for one public key;
the same key may ask again, since its answer may have been lost on the way. Taking it makes the secret inside it the
station's, and the key the one that its heads are signed with.
"""

import hashlib
import hmac
from dataclasses import dataclass

import sqlalchemy as sa

from passes.errors import N_, GatepostError
from sync.community.database import offers, stations, writing
from sync.enrolment import Enrolment
from sync.onetime import keys_of, make_code
from sync.secrets import secret_digest
from sync.wire import EnrolmentRequest

VALID_MS = 24 * 3_600_000
MOST_TRIES = 5


class OfferError(GatepostError):
    """There is no such offer, it was taken by somebody else, is too old, or was guessed at too often."""


class OtherStationError(GatepostError):
    """The code is known, but whoever knows it has records of another station; it stays good."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A code to be read to the new station, and until when it holds (UTC milliseconds)."""

    code: str
    expires_at_ms: int


def offer(engine: sa.Engine, enrolment: Enrolment, now_ms: int) -> Offer:
    """Seal an enrolment under a new code and keep it; earlier offers to the station end. Raises `DatabaseError`."""
    code = make_code()
    keys = keys_of(code)
    expires_at_ms = now_ms + VALID_MS
    row = {
        "community": enrolment.community,
        "locator": keys.locator,
        "station": enrolment.station,
        "proof_sha256": hashlib.sha256(keys.proof).hexdigest(),
        "secret_sha256": secret_digest(enrolment.secret),
        "sealed": keys.seal(enrolment),
        "expires_at_ms": expires_at_ms,
        "tries": 0,
    }
    same = sa.and_(offers.c.community == enrolment.community, offers.c.station == enrolment.station)
    over = sa.and_(offers.c.community == enrolment.community, offers.c.expires_at_ms < now_ms)
    with writing(engine) as connection:
        connection.execute(sa.delete(offers).where(sa.or_(same, over)))
        connection.execute(sa.insert(offers), row)
    return Offer(code, expires_at_ms)


def take(engine: sa.Engine, community: str, wish: EnrolmentRequest, now_ms: int) -> bytes:
    """Return what was sealed for whoever knows the code, and enter the station's secret and public key.

    Raises `OfferError`, the same for whatever reason, so that nobody learns which offers there are; and
    `OtherStationError` where the code is right, but for another station than has records already.
    """
    mine = sa.and_(offers.c.community == community, offers.c.locator == wish.locator)
    with writing(engine) as connection:
        row = connection.execute(sa.select(offers).where(mine).with_for_update()).one_or_none()
        key = wish.public_key.hex()
        proof = hashlib.sha256(wish.proof).hexdigest()
        is_open = row is not None and now_ms < row.expires_at_ms and row.tries < MOST_TRIES
        is_known = row is not None and hmac.compare_digest(row.proof_sha256, proof)
        is_good = is_open and is_known and len(wish.public_key) == 32
        if row is not None and is_good and wish.station not in ("", row.station):
            raise OtherStationError(
                N_("the code is for station {offered}, the records are of {kept}; have a code made for that id"),
                offered=row.station,
                kept=wish.station[:80],
            )
        if row is not None and is_good and row.taken_by in (None, key) and _enter(connection, row, key):
            connection.execute(sa.update(offers).where(mine).values(taken_by=key, taken_at_ms=now_ms))
            return bytes(row.sealed)
        if is_open and not is_known:
            connection.execute(sa.update(offers).where(mine).values(tries=offers.c.tries + 1))
    raise OfferError(N_("the code is not known here, was used, or is too old; ask the office for a new one"))


def _enter(connection: sa.Connection, row: sa.Row[tuple[object, ...]], key: str) -> bool:
    """Make secret and key the station's; False when it was withdrawn meanwhile."""
    entered = connection.execute(
        sa.update(stations)
        .where(
            stations.c.community == row.community,
            stations.c.station == row.station,
            stations.c.withdrawn_at_ms.is_(None),
        )
        .values(secret_sha256=row.secret_sha256, public_key=key)
    )
    return entered.rowcount == 1
