"""Making a station's folder out of an enrolment, and bringing a station that worked alone into its community.

Nothing is a station before its `settings.toml` is there, so that is written last. A station that joins puts all its new
files into a folder beside the old ones, its `settings.toml` last; from then on whoever opens it finishes the move. Its
journal stays as it is: whatever it recorded alone is sent to the community like everything after.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from passes.errors import N_
from passes.keyfiles import reseal_key
from station.assembly import Station, check_secret, check_trust_list, open_station, require_own
from station.clock import SystemClock, local_time
from station.journal import Journal
from station.notes import REGISTER, delete_note
from station.settings import (
    DIGEST_KEY_FILE,
    FILE_NAME,
    ISSUING_KEY_FILE,
    JOINING_FOLDER,
    ROOT_FILE,
    SECRET_FILE,
    TRUST_FILE,
    Settings,
    SettingsError,
    check_settings,
    load_settings,
    save_settings,
)
from station.storage import FILE_NAME as JOURNAL_FILE
from station.storage import open_file, writing
from sync.disk import through_to_disk
from sync.enrolment import Enrolment
from sync.sealing import DigestKey

CLOCK_TOLERANCE_MS = 120_000

Tables = Mapping[str, Mapping[str, object] | list[Any]]
"""Tables of `settings.toml` by their names, as far as somebody chose something."""


class ClockError(SettingsError):
    """This machine's clock cannot be right, so nothing was set up."""


def find_alone(folder: Path) -> Settings | None:
    """Return the settings of the station that works alone in `folder`; None where there is no station.

    Raises `SettingsError` for one that belongs to a community, which is never overwritten.
    """
    if (folder / JOINING_FOLDER).exists():
        finish_joining(folder)
    if not (folder / FILE_NAME).exists():
        return None
    settings = load_settings(folder)
    if not settings.community.alone:
        raise SettingsError(
            N_("{path}: there is a station here already; choose another --dir"), path=folder / FILE_NAME
        )
    return settings


def set_up(
    folder: Path,
    source: Path,
    enrolment: Enrolment,
    tables: Tables,
    *,
    is_alone: bool = False,
    key_passphrase: str | None = None,
    furnish: Callable[[Station], object] = lambda _station: None,
) -> Settings:
    """Make the station's folder, or let the station that works alone there join; return its settings.

    Errors name `source`, where the enrolment came from; with `is_alone` it is the station's own. `furnish` records what
    belongs to the station from the start. What was broken off can simply be run again. Raises `SettingsError` when
    there is a station of a community already, the enrolment is not good, or the folder cannot be written; `ClockError`.
    """
    alone = find_alone(folder)
    if alone and is_alone:
        raise SettingsError(N_("{path}: a station works alone here already"), path=folder / FILE_NAME)
    settings = _settings_of(source, enrolment, alone, tables, is_alone=is_alone)
    check_secret(source, enrolment.secret)
    trust = check_trust_list(source, enrolment.trust_list, enrolment.root_public_key, enrolment.community)
    if not is_alone:
        _check_clock(trust.issued_at_ms, settings)
    if alone:
        _check_same(folder, alone.station.id, settings.station.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _prepare_journal(folder, enrolment.station)
        if alone:
            _stage(folder, enrolment, settings, key_passphrase)
            finish_joining(folder)
        else:
            _write_files(folder, enrolment, key_passphrase)
        with open_station(folder, settings=settings) as station:
            if enrolment.issuing_key:
                station.desk(key_passphrase)
            furnish(station)
        if not alone:
            save_settings(folder, settings)
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be written ({error}); check the folder's permissions"),
            path=error.filename or folder,
            error=error.strerror or error,
        ) from error
    return settings


def finish_joining(folder: Path) -> None:
    """Put the new files of a station that joins in the place of the old ones; what was not complete is forgotten."""
    stage = folder / JOINING_FOLDER
    if (stage / FILE_NAME).exists():
        # The old key's passes are trusted by nobody any more. It goes first: behind the list, the key is the new one.
        if (stage / TRUST_FILE).exists():
            (folder / ISSUING_KEY_FILE).unlink(missing_ok=True)
        for name in (TRUST_FILE, ROOT_FILE, SECRET_FILE, DIGEST_KEY_FILE, ISSUING_KEY_FILE):
            if (stage / name).exists():
                (stage / name).replace(folder / name)
        connection = open_file(folder)
        try:
            with writing(connection, folder / JOURNAL_FILE):
                delete_note(connection, REGISTER)  # the community's zone may cut other days
        finally:
            connection.close()
        (stage / FILE_NAME).replace(folder / FILE_NAME)
    shutil.rmtree(stage, ignore_errors=True)


def _stage(folder: Path, enrolment: Enrolment, settings: Settings, key_passphrase: str | None) -> None:
    stage = folder / JOINING_FOLDER
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(mode=0o700)
    _write_files(stage, enrolment, key_passphrase)
    save_settings(stage, settings)


def _settings_of(
    path: Path, enrolment: Enrolment, alone: Settings | None, tables: Tables, *, is_alone: bool
) -> Settings:
    raw: dict[str, Any] = msgspec.to_builtins(alone) if alone else {}
    for name, table in tables.items():
        raw[name] = {**raw.get(name, {}), **table} if isinstance(table, Mapping) else table
    raw["station"] = {"id": enrolment.station, "name": enrolment.station_name}
    raw["community"] = {
        "id": enrolment.community,
        "name": enrolment.community_name,
        "zone": enrolment.zone,
        "url": enrolment.url,
        "alone": is_alone,
    }
    return check_settings(path, raw)


def _check_same(folder: Path, kept: str, offered: str) -> None:
    if kept != offered:
        raise SettingsError(
            N_("{path}: holds the records of station {kept}, the office invited {offered}; have it invite {kept}"),
            path=folder,
            kept=kept,
            offered=offered,
        )


def _check_clock(issued_at_ms: int, settings: Settings) -> None:
    now_ms = SystemClock().now_ms()
    if now_ms < issued_at_ms - CLOCK_TOLERANCE_MS:
        raise ClockError(
            N_("this machine's clock says {now}, the office's keys are newer: set the clock right, then do this again"),
            now=f"{local_time(now_ms, settings.zone):%Y-%m-%d %H:%M}",
        )


def _prepare_journal(folder: Path, station: str) -> None:
    """Make an empty journal; one that is there already must be this station's, or nothing in the folder changes."""
    journal = Journal(folder, station, SystemClock(), create=True)
    try:
        require_own(journal)
    finally:
        journal.close()


def _write_files(folder: Path, enrolment: Enrolment, key_passphrase: str | None) -> None:
    _write_private(folder / SECRET_FILE, enrolment.secret.encode())
    if enrolment.issuing_key:
        _write_private(folder / ISSUING_KEY_FILE, enrolment.issuing_key.encode())
        if key_passphrase:
            reseal_key(folder / ISSUING_KEY_FILE, None, key_passphrase)
    if enrolment.digest_key:
        _write_private(folder / DIGEST_KEY_FILE, DigestKey(enrolment.digest_key).raw.hex().encode())
    (folder / TRUST_FILE).write_bytes(enrolment.trust_list)
    (folder / ROOT_FILE).write_text(enrolment.root_public_key.hex())
    for name in (TRUST_FILE, ROOT_FILE):
        through_to_disk(folder / name)


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whatever was there of an earlier attempt."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
