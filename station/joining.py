"""Setting up a station: the folder is made from what the office handed over, as a file or for a one-time code."""

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
    HEAD_KEY_FILE,
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
from sync.client import ask_enrolment
from sync.disk import through_to_disk
from sync.enrolment import Enrolment, read_enrolment
from sync.heads import head_key
from sync.onetime import keys_of
from sync.sealing import DigestKey
from sync.wire import EnrolmentRequest


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
    _require_free(folder)
    return _set_up(folder, enrolment_file, read_enrolment(enrolment_file), thermometer, gate, key_passphrase)


def join_by_code(
    folder: Path,
    address: str,
    code: str,
    thermometer: ThermometerSettings,
    gate: GateSettings,
    *,
    key_passphrase: str | None = None,
) -> Settings:
    """Make the station's folder as `join` does, by the one-time code that the office read out.

    `address` is where the community is served; without a scheme it is taken for https. The station's own key is made
    first and stays where the answer is lost on the way: whoever runs this again with the same code gets the same.
    Raises `UsageError` for a code with a slip in it, `TransferError` when the community does not answer or does not
    take the code, `EnrolmentError` when another server answers, and like `join`.
    """
    _require_free(folder)
    url = address.strip() if "://" in address else f"https://{address.strip()}"
    keys = keys_of(code)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    key = head_key(folder / HEAD_KEY_FILE)
    wish = EnrolmentRequest(locator=keys.locator, proof=keys.proof, public_key=key.public_key)
    enrolment = msgspec.structs.replace(keys.open(ask_enrolment(url, wish)), url=url)
    return _set_up(folder, folder / FILE_NAME, enrolment, thermometer, gate, key_passphrase)


def _require_free(folder: Path) -> None:
    if (folder / FILE_NAME).exists():
        raise SettingsError(
            N_("{path}: there is a station here already; choose another --dir"), path=folder / FILE_NAME
        )


def _set_up(
    folder: Path,
    source: Path,
    enrolment: Enrolment,
    thermometer: ThermometerSettings,
    gate: GateSettings,
    key_passphrase: str | None,
) -> Settings:
    """Make the folder out of an enrolment; errors name `source`, where it came from."""
    settings = _settings_of(source, enrolment, thermometer, gate)
    check_secret(source, enrolment.secret)
    check_trust_list(source, enrolment.trust_list, enrolment.root_public_key, enrolment.community)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _prepare_journal(folder, enrolment.station)
        _write_files(folder, enrolment)
        if key_passphrase and enrolment.issuing_key:
            reseal_key(folder / ISSUING_KEY_FILE, None, key_passphrase)
        save_settings(folder, settings)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        with open_station(folder) as station:
            if enrolment.issuing_key:
                station.desk(key_passphrase)
            return station.settings
    except GatepostError:
        (folder / FILE_NAME).unlink()
        raise


def _cannot_write(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        N_("{path}: cannot be written ({error}); check the folder's permissions"),
        path=error.filename or folder,
        error=error.strerror or error,
    )


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
    for name in (TRUST_FILE, ROOT_FILE):
        through_to_disk(folder / name)


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whatever was there of an earlier attempt."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
