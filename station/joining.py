"""Setting up a station: the folder is made from the enrolment file that the office handed over."""

import os
from pathlib import Path

import msgspec

from passes.errors import N_, GatepostError
from passes.keyfiles import reseal_key
from station.assembly import check_secret, check_trust_list, open_station, require_own
from station.clock import SystemClock
from station.journal import Journal
from station.settings import (
    DIGEST_KEY_FILE,
    FILE_NAME,
    ISSUING_KEY_FILE,
    ROOT_FILE,
    SECRET_FILE,
    TRUST_FILE,
    GateSettings,
    Settings,
    SettingsError,
    ThermometerSettings,
    check_settings,
    save_settings,
)
from sync.enrolment import Enrolment, read_enrolment
from sync.sealing import DigestKey


def join(
    folder: Path,
    enrolment_file: Path,
    thermometer: ThermometerSettings,
    gate: GateSettings,
    *,
    key_passphrase: str | None = None,
) -> Settings:
    """Make the station's folder: settings, keys, trust list and an empty journal; return the settings.

    `settings.toml` is written last, so a set-up that was cut short can simply be run again. Raises `SettingsError`
    when there is a station already or the folder cannot be written, and the errors of a wrong enrolment file.
    """
    if (folder / FILE_NAME).exists():
        raise SettingsError(
            N_("{path}: there is a station here already; choose another --dir"), path=folder / FILE_NAME
        )
    enrolment = read_enrolment(enrolment_file)
    settings = _settings_of(enrolment_file, enrolment, thermometer, gate)
    check_secret(enrolment_file, enrolment.secret)
    check_trust_list(enrolment_file, enrolment.trust_list, enrolment.root_public_key, enrolment.community)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _prepare_journal(folder, enrolment.station)
        _write_files(folder, enrolment)
        if key_passphrase and enrolment.issuing_key:
            reseal_key(folder / ISSUING_KEY_FILE, None, key_passphrase)
        save_settings(folder, settings)
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be written ({error}); check the folder's permissions"),
            path=error.filename or folder,
            error=error.strerror or error,
        ) from error
    try:
        with open_station(folder) as station:
            if enrolment.issuing_key:
                station.desk(key_passphrase)
            return station.settings
    except GatepostError:
        (folder / FILE_NAME).unlink()
        raise


def _settings_of(path: Path, enrolment: Enrolment, thermometer: ThermometerSettings, gate: GateSettings) -> Settings:
    return check_settings(
        path,
        {
            "station": {"id": enrolment.station, "name": enrolment.station_name},
            "community": {
                "id": enrolment.community,
                "name": enrolment.community_name,
                "zone": enrolment.zone,
                "url": enrolment.url,
            },
            "thermometer": msgspec.to_builtins(thermometer),
            "gate": msgspec.to_builtins(gate),
        },
    )


def _prepare_journal(folder: Path, station: str) -> None:
    """Make an empty journal; one that is there already must be this station's, or nothing in the folder changes."""
    journal = Journal(folder, station, SystemClock(), create=True)
    try:
        require_own(journal)
    finally:
        journal.close()


def _write_files(folder: Path, enrolment: Enrolment) -> None:
    _write_private(folder / SECRET_FILE, enrolment.secret.encode())
    if enrolment.issuing_key:
        _write_private(folder / ISSUING_KEY_FILE, enrolment.issuing_key.encode())
    if enrolment.digest_key:
        _write_private(folder / DIGEST_KEY_FILE, DigestKey(enrolment.digest_key).raw.hex().encode())
    (folder / TRUST_FILE).write_bytes(enrolment.trust_list)
    (folder / ROOT_FILE).write_text(enrolment.root_public_key.hex())


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whatever was there of an earlier attempt."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
