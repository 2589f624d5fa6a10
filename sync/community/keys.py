"""The keys that a community's passes are signed with: added, rotated, withdrawn and listed by the office.

Each change signs a new trust list with the root key and records it in the community's own journal, the whole signed
list in the event: stations check it themselves with the root's public key, and the server needs no private key.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import msgspec
import sqlalchemy as sa

from passes.errors import N_, UsageError
from passes.keyfiles import save_key
from passes.keys import IssuingKey
from passes.trust import (
    USE_ANSWERS,
    USE_ISSUING,
    TrustedKey,
    TrustList,
    read_trust_list,
    sign_trust_list,
    trust_list_bytes,
    trust_list_text,
)
from sync.bodies import KIND_OF, KeyAdded, KeyWithdrawn
from sync.community.database import Engine, events, reading, writing
from sync.community.journal import OFFICE, append
from sync.community.office import (
    KEY_FILES,
    key_path,
    load_root_public,
    load_trust_list,
    make_digest_key,
    make_use_key,
    save_trust_list,
    trusted,
)
from sync.community.registry import lock_community
from sync.community.stations import list_stations

_BODY_TYPES: dict[str, type[KeyAdded | KeyWithdrawn]] = {KIND_OF[kind]: kind for kind in (KeyAdded, KeyWithdrawn)}


@dataclass(frozen=True, slots=True)
class Office:
    """What a change of keys needs: the community's database, its folder, and the root key out of that folder."""

    engine: Engine
    folder: Path
    community: str
    root: IssuingKey


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of the trust list, and the station that it was made for; None where no record says so."""

    key: TrustedKey
    station: str | None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made for a station; its private half is in the file at `path`, to be carried there."""

    key: TrustedKey
    station: str
    path: Path


def trust_key(
    office: Office, key: IssuingKey, station: str, now_ms: int, *, old_until: date | None = None
) -> TrustedKey:
    """Add a station's key to the trust list and return its entry; the station's keys so far issue until `old_until`.

    From reading to replacing the list the community is locked in its database: whoever does the same meanwhile waits
    and then adds to this list. Raises `KeyFileError`, `DatabaseError`; then nothing has changed.
    """
    added = trusted(office.community, key)
    with _changing(office) as (connection, current):
        entries = current.entries
        if old_until is not None:
            made_for = _stations_of_keys(connection, office.community)
            entries = tuple(
                replace(entry, valid_until=old_until)
                if entry.use == USE_ISSUING
                and made_for.get(entry.key_id.hex()) == station
                and entry.issues_on(old_until)
                else entry
                for entry in entries
            )
        _publish(
            connection,
            office,
            replace(current, entries=(*entries, added)),
            now_ms,
            lambda signed: KeyAdded(key_id=key.key_id.hex(), station=station, trust_list=signed),
        )
    return added


def record_office_key(engine: Engine, folder: Path, community: str, key: IssuingKey, now_ms: int) -> None:
    """Record the key that the office issues with, and the folder's first trust list; raises `DatabaseError`."""
    body = KeyAdded(key_id=key.key_id.hex(), station=OFFICE, trust_list=trust_list_text(load_trust_list(folder)))
    with writing(engine) as connection:
        append(connection, community, body, now_ms)


def add_key(office: Office, station: str, now_ms: int, *, old_until: date | None = None) -> MadeKey:
    """Make a key for a station and trust it; `old_until` as in `trust_key`.

    Raises `UsageError` when no such station takes part; `KeyFileError`,
    `DatabaseError`.
    """
    enrolled = {entry.station for entry in list_stations(office.engine, office.community) if not entry.withdrawn_at_ms}
    if station not in enrolled | {OFFICE}:
        raise UsageError(
            N_("station {station!r}: no enrolled station has this id; see: gatepost community station list"),
            station=station,
        )
    key = IssuingKey.generate()
    path = office.folder / f"{station}.{key.key_id.hex()}.pem"
    save_key(path, key)
    try:
        return MadeKey(trust_key(office, key, station, now_ms, old_until=old_until), station, path)
    except BaseException:
        path.unlink()
        raise


def start_sealing(
    office: Office, now_ms: int, passphrase: str | None = None, *, anew: bool = False
) -> tuple[list[TrustedKey], bool]:
    """Make what numbers are sealed and matched with, and what bundles are sealed and signed with, where it is missing.

    Returns the new keys and whether the secret for digests is new. With `anew` stations seal to further keys from now
    on; what was sealed before opens with the old ones, which stay. Raises `KeyFileError`, `DatabaseError`.
    """
    has_new_secret = make_digest_key(office.folder)
    with _changing(office) as (connection, current):
        missing = [use for use in KEY_FILES if current.newest(use) is None or (anew and use != USE_ANSWERS)]
        made: list[TrustedKey] = []
        try:
            made += (make_use_key(office.folder, office.community, use, passphrase) for use in missing)
            if made:
                _publish(
                    connection,
                    office,
                    replace(current, entries=(*current.entries, *made)),
                    now_ms,
                    lambda signed: KeyAdded(key_id=made[0].key_id.hex(), station=OFFICE, trust_list=signed),
                )
        except BaseException:
            for entry in made:
                key_path(office.folder, entry.use, entry.key_id).unlink()
            raise
    return made, has_new_secret


def rotate_key(office: Office, station: str, now_ms: int, *, old_until: date | None = None) -> MadeKey:
    """Make a further key for a station that has one, as `add_key` does; its old keys stay trusted.

    With `old_until`, no pass is trusted that was issued with an old key after that community-local day. Without it the
    station goes on with its old key until the new one has been carried there. Raises `UsageError` when the station
    has no key.
    """
    listed = list_keys(office.engine, office.folder, office.community)
    issuing = [key for key in listed if key.key.use == USE_ISSUING and key.key.withdrawn_at_ms is None]
    if not any(key.station == station for key in issuing):
        raise UsageError(
            N_("station {station!r}: has no key that could be rotated; run: gatepost community key add"),
            station=station,
        )
    return add_key(office, station, now_ms, old_until=old_until)


def withdraw_key(office: Office, name: str, honoured_before_ms: int | None, now_ms: int) -> TrustedKey:
    """Trust a key no more but for known passes issued before `honoured_before_ms` (UTC); return its new entry.

    `name` is the key id, or the whole public key where two have one id, in hexadecimal digits. Withdrawing once more
    changes the exception and not the instant of the withdrawal. Raises `UsageError` for a key that is not in the list,
    for two of one id, for an exception that lies ahead, and when nothing would change; `KeyFileError`, `DatabaseError`.
    """
    if honoured_before_ms is not None and honoured_before_ms > now_ms:
        raise UsageError(N_("--honour-before: lies ahead, and the key is withdrawn now; give an instant that is past"))
    with _changing(office) as (connection, current):
        old = _named(current, name)
        since_ms = now_ms if old.withdrawn_at_ms is None else old.withdrawn_at_ms
        new = replace(old, withdrawn_at_ms=since_ms, honoured_before_ms=honoured_before_ms)
        if new == old:
            raise UsageError(
                N_("key {key_id}: is withdrawn already; to change what is honoured, give another --honour-before"),
                key_id=old.key_id.hex(),
            )
        _publish(
            connection,
            office,
            replace(current, entries=tuple(new if entry is old else entry for entry in current.entries)),
            now_ms,
            lambda signed: KeyWithdrawn(
                key_id=new.key_id.hex(), honoured_before_ms=honoured_before_ms, trust_list=signed
            ),
        )
    return new


def list_keys(engine: Engine, folder: Path, community: str) -> list[ListedKey]:
    """Return the keys of `current_list` in its order, withdrawn ones included."""
    trust = current_list(engine, folder, community)
    with reading(engine) as connection:
        made_for = _stations_of_keys(connection, community)
    return [
        ListedKey(key, OFFICE if key.use != USE_ISSUING else made_for.get(key.key_id.hex())) for key in trust.entries
    ]


def current_list(engine: Engine, folder: Path, community: str) -> TrustList:
    """Return the trust list that holds; raises `KeyFileError` when it is damaged, and `DatabaseError`."""
    with reading(engine) as connection:
        return _current(connection, folder, community, load_root_public(folder))


@contextmanager
def _changing(office: Office) -> Iterator[tuple[sa.Connection, TrustList]]:
    with writing(office.engine) as connection:
        lock_community(connection, office.community)
        yield connection, _current(connection, office.folder, office.community, office.root.public_key)


def _publish(
    connection: sa.Connection,
    office: Office,
    trust: TrustList,
    now_ms: int,
    body: Callable[[str], KeyAdded | KeyWithdrawn],
) -> None:
    # Stations keep the list of the later instant: after a clock that was set back, ours must still be later.
    issued_at_ms = max(now_ms, trust.issued_at_ms + 1)
    signed = sign_trust_list(office.root, office.community, trust.entries, issued_at_ms)
    append(connection, office.community, body(trust_list_text(signed)), now_ms)
    save_trust_list(office.folder, signed)


def _current(connection: sa.Connection, folder: Path, community: str, root_public_key: bytes) -> TrustList:
    """Return the folder's list together with the last recorded one: either may have come out of an older backup."""
    signed = [load_trust_list(folder)]
    signed += [trust_list_bytes(body.trust_list) for body in _recorded(connection, community)[-1:]]
    lists = sorted((read_trust_list(data, root_public_key) for data in signed), key=lambda trust: trust.issued_at_ms)
    by_place = {entry.place: entry for trust in lists for entry in trust.entries}
    return replace(lists[-1], entries=tuple(by_place.values()))


def _stations_of_keys(connection: sa.Connection, community: str) -> dict[str, str]:
    """Return which station each key id (hexadecimal) was recorded for."""
    bodies = _recorded(connection, community)
    return {body.key_id: body.station for body in bodies if isinstance(body, KeyAdded)}


def newest_trust_list(connection: sa.Connection, community: str) -> str | None:
    """Return the newest signed trust list in the community's own journal (base64url); None where there is none."""
    recorded = _recorded(connection, community)
    return recorded[-1].trust_list if recorded else None


def _recorded(connection: sa.Connection, community: str) -> list[KeyAdded | KeyWithdrawn]:
    """Return what the community itself recorded of keys, in order; stations have no say in it."""
    query = (
        sa.select(events.c.kind, events.c.body)
        .where(
            events.c.community == community,
            events.c.station == OFFICE,
            events.c.kind.in_(_BODY_TYPES),
        )
        .order_by(events.c.feed_no)
    )
    return [msgspec.json.decode(body, type=_BODY_TYPES[kind]) for kind, body in connection.execute(query)]


def _named(trust: TrustList, name: str) -> TrustedKey:
    wanted = name.strip().lower()
    found = [
        entry
        for entry in trust.entries
        if entry.community == trust.community and wanted in (entry.key_id.hex(), entry.public_key.hex())
    ]
    if not found:
        raise UsageError(
            N_("key {name!r}: the trust list has no such key; see: gatepost community key list"), name=name[:80]
        )
    if len(found) > 1:
        raise UsageError(
            N_("key {name}: several keys have this id; give the public key of the one that is meant: {keys}"),
            name=wanted,
            keys=", ".join(entry.public_key.hex() for entry in found),
        )
    return found[0]
