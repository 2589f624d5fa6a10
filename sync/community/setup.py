"""Setting up a community in a folder, and enrolling its stations."""

from pathlib import Path

import sqlalchemy as sa

from passes.errors import N_, GatepostError, UsageError
from passes.keys import IssuingKey
from sync.community.database import open_engine
from sync.community.keys import Office, record_office_key, start_sealing, trust_key
from sync.community.office import create_keys, load_digest, load_root, load_root_public, load_trust_list
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.settings import FILE_NAME, CommunitySettings, save_settings
from sync.community.stations import add_station, check_new_station, list_stations, make_secret
from sync.enrolment import Enrolment, write_enrolment


class FolderError(GatepostError):
    """The community's folder cannot be made or written."""


def set_up_community(folder: Path, settings: CommunitySettings, now_ms: int, passphrase: str | None = None) -> None:
    """Make folder, database, keys and `community.toml`, the last as the sign that all else is there.

    The private keys are encrypted when there is a passphrase. Raises `UsageError` when the folder holds a community,
    its keys, or the database holds this community; nothing that exists is overwritten.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise UsageError(N_("{path}: this folder holds a community already; choose another --dir"), path=path)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise FolderError(
            N_("{path}: cannot be made ({error}); choose another --dir"), path=folder, error=error
        ) from error
    engine = open_engine(settings.database_url(folder))
    try:
        _make_private(engine.url)
        migrate(engine)
        key = create_keys(folder, settings.community.id, now_ms, passphrase)
        add_community(engine, settings.community.id, settings.community.name, settings.community.zone)
        record_office_key(engine, folder, settings.community.id, key, now_ms)
        office = Office(engine, folder, settings.community.id, load_root(folder, passphrase))
        start_sealing(office, now_ms, passphrase)
    finally:
        engine.dispose()
    save_settings(folder, settings)


def _make_private(url: sa.URL) -> None:
    """Make a SQLite file before SQLite does, so that nobody else on this machine can read it."""
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise FolderError(
                N_("{path}: cannot be made ({error}); choose another --database"), path=path, error=error
            ) from error


def enrol_station(
    folder: Path,
    settings: CommunitySettings,
    engine: sa.Engine,
    station: str,
    name: str,
    *,
    url: str | None,
    issue: bool,
    now_ms: int,
    passphrase: str | None = None,
) -> Path:
    """Enrol a station and return the path of the file that it joins with, written with mode 0600.

    With `issue` the station gets a key of its own whose public half is added to the signed trust list; `passphrase`
    opens the root key for that. Raises
    `UsageError` for an id that is taken, an existing file; `KeyFileError`; `DatabaseError`.
    """
    path = folder / f"{station}.enrolment.json"
    check_new_station(engine, settings.community.id, station)
    if path.exists():
        raise UsageError(N_("{path}: exists already; hand it over or delete it first"), path=path)
    write_enrolment(
        path,
        make_enrolment(
            folder, settings, engine, station, name, url=url, issue=issue, now_ms=now_ms, passphrase=passphrase
        ),
    )
    return path


def make_enrolment(
    folder: Path,
    settings: CommunitySettings,
    engine: sa.Engine,
    station: str,
    name: str,
    *,
    url: str | None,
    issue: bool,
    now_ms: int,
    passphrase: str | None = None,
) -> Enrolment:
    """Enrol a station and return what it joins with, which is kept nowhere; raises as `enrol_station` does."""
    community = settings.community
    check_new_station(engine, community.id, station)
    key = IssuingKey.generate() if issue else None
    if key:
        trust_key(Office(engine, folder, community.id, load_root(folder, passphrase)), key, station, now_ms)
    secret = add_station(engine, community.id, station, name, now_ms)
    return _enrolment(folder, settings, station, name, secret, url=url, key=key)


def renew_enrolment(
    folder: Path, settings: CommunitySettings, engine: sa.Engine, station: str, *, url: str | None
) -> Enrolment:
    """Return what another machine goes on as this station with; the secret in it holds once it is taken.

    Raises `UsageError` unless such a station takes part; `KeyFileError`; `DatabaseError`.
    """
    enrolled = {one.station: one for one in list_stations(engine, settings.community.id) if not one.withdrawn_at_ms}
    if station not in enrolled:
        raise UsageError(
            N_("station {station!r}: no enrolled station has this id; see: gatepost community station list"),
            station=station,
        )
    return _enrolment(folder, settings, station, enrolled[station].name, make_secret(), url=url)


def _enrolment(
    folder: Path,
    settings: CommunitySettings,
    station: str,
    name: str,
    secret: str,
    *,
    url: str | None,
    key: IssuingKey | None = None,
) -> Enrolment:
    digest_key = load_digest(folder)
    return Enrolment(
        community=settings.community.id,
        community_name=settings.community.name,
        zone=settings.community.zone,
        url=url or settings.server.url,
        station=station,
        station_name=name,
        secret=secret,
        root_public_key=load_root_public(folder),
        trust_list=load_trust_list(folder),
        issuing_key=key.pem().decode() if key else None,
        digest_key=digest_key.raw if digest_key else None,
    )
