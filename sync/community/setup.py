"""Setting up a community in a folder, and enrolling its stations."""

from pathlib import Path

import sqlalchemy as sa

from passes.errors import N_, GatepostError, UsageError
from sync.community.database import open_engine
from sync.community.office import create_keys, load_root, load_trust_list, trust_new_key
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.settings import FILE_NAME, CommunitySettings, save_settings
from sync.community.stations import add_station, check_new_station
from sync.enrolment import Enrolment, write_enrolment


class FolderError(GatepostError):
    """The community's folder cannot be made or written."""


def set_up_community(folder: Path, settings: CommunitySettings, now_ms: int) -> None:
    """Make folder, database, keys and `community.toml`, the last as the sign that all else is there.

    Raises `UsageError` when the folder holds a community, its keys, or the database holds this community; nothing
    that exists is overwritten.
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
        create_keys(folder, settings.community.id, now_ms)
        add_community(engine, settings.community.id, settings.community.name, settings.community.zone)
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
) -> Path:
    """Enrol a station and return the path of the file that it joins with, written with mode 0600.

    With `issue` the station gets a key of its own whose public half is added to the signed trust list. Raises
    `UsageError` for an id that is taken, an existing file; `KeyFileError`; `DatabaseError`.
    """
    community = settings.community
    path = folder / f"{station}.enrolment.json"
    check_new_station(engine, community.id, station)
    if path.exists():
        raise UsageError(N_("{path}: exists already; hand it over or delete it first"), path=path)
    root_public_key = load_root(folder).public_key
    key = trust_new_key(engine, folder, community.id, None, now_ms) if issue else None
    enrolment = Enrolment(
        community=community.id,
        community_name=community.name,
        zone=community.zone,
        url=url or settings.server.url,
        station=station,
        station_name=name,
        secret=add_station(engine, community.id, station, name, now_ms),
        root_public_key=root_public_key,
        trust_list=load_trust_list(folder),
        issuing_key=key.pem().decode() if key else None,
    )
    write_enrolment(path, enrolment)
    return path
