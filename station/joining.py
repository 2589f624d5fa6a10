"""How a station comes by what it joins with: a file, a one-time code, an invitation on a stick, or its own word.

`station.setting_up` makes the folder out of it.
"""

import secrets
from datetime import UTC
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from passes.errors import N_, GatepostError, UsageError
from passes.keys import IssuingKey
from passes.number import ALPHABET
from passes.trust import TrustedKey, sign_trust_list
from station.clock import SystemClock, local_time
from station.setting_up import ClockError, find_alone, set_up
from station.settings import HEAD_KEY_FILE, GateSettings, Settings, SettingsError, ThermometerSettings
from sync.client import NotWelcomeError, TransferError, ask_enrolment
from sync.enrolment import Enrolment, read_enrolment
from sync.heads import head_key
from sync.onetime import keys_of
from sync.wire import EnrolmentRequest

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_ALONE_CHARS = 6


class AddressError(GatepostError):
    """Nobody who could let a station join answers at this address."""


class CodeError(GatepostError):
    """The community does not take this code."""


def join(
    folder: Path,
    enrolment_file: Path,
    thermometer: ThermometerSettings,
    gate: GateSettings,
    *,
    key_passphrase: str | None = None,
) -> Settings:
    """Make the station's folder from the office's file: settings, keys, trust list and an empty journal.

    Raises what `station.setting_up.set_up` does, and the errors of a wrong enrolment file.
    """
    find_alone(folder)
    tables = {"thermometer": msgspec.to_builtins(thermometer), "gate": msgspec.to_builtins(gate)}
    return set_up(folder, enrolment_file, read_enrolment(enrolment_file), tables, key_passphrase=key_passphrase)


def ask_by_code(folder: Path, address: str, code: str, *, insecure: bool = False) -> Enrolment:
    """Ask the community at `address` for what the office sealed under a one-time code.

    Without a scheme the address is taken for https. The station's own key is made first, in `folder`, and stays where
    the answer is lost on the way: whoever asks again with the same code gets the same. Raises `UsageError` for a code
    with a slip in it, `AddressError`, `CodeError`, `ClockError`, and `EnrolmentError` when another server answers.
    """
    alone = find_alone(folder)
    url = _url_of(address, insecure=insecure)
    keys = keys_of(code)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key = head_key(folder / HEAD_KEY_FILE)
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be written ({error}); check the folder's permissions"),
            path=error.filename or folder,
            error=error.strerror or error,
        ) from error
    kept = alone.station.id if alone else ""
    wish = EnrolmentRequest(locator=keys.locator, proof=keys.proof, public_key=key.public_key, station=kept)
    try:
        sealed = ask_enrolment(url, wish)
    except NotWelcomeError as error:
        raise CodeError(
            N_("the code is not known here, was used, or is too old; ask the office for a new one")
        ) from error
    except TransferError as error:
        raise _refused(error, url, kept) from error
    return msgspec.structs.replace(keys.open(sealed), url=url)


def make_alone(name: str, community_name: str, zone: str) -> Enrolment:
    """Return what a station works with that belongs to no community yet: an id of its own, and keys of its own.

    Nobody keeps the root key: what it trusts is this station's key, until a community says otherwise.
    """
    root, key = IssuingKey.generate(), IssuingKey.generate()
    station = "alone-" + "".join(secrets.choice(ALPHABET) for _ in range(_ALONE_CHARS)).lower()
    trusted = TrustedKey(key.key_id, key.public_key, station)
    return Enrolment(
        community=station,
        community_name=community_name,
        zone=zone,
        url="",
        station=station,
        station_name=name,
        secret=f"alone_{secrets.token_urlsafe(32)}",
        root_public_key=root.public_key,
        trust_list=sign_trust_list(root, station, [trusted], SystemClock().now_ms()),
        issuing_key=key.pem().decode(),
    )


def _url_of(address: str, *, insecure: bool) -> str:
    typed = address.strip()
    url = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise AddressError(
            N_("{address}: this is no address; write it as the office tells it, like gate.example:8443"),
            address=typed or "-",
        )
    if parts.scheme == "http" and host not in _LOOPBACK and not insecure:
        raise AddressError(
            N_("{address}: http:// lets anybody on the way read along; write https://, or no http:// at all"),
            address=typed,
        )
    return url


def _refused(error: TransferError, url: str, kept: str) -> GatepostError:
    """Return what is said of a community that did not give what was asked for."""
    if kept and error.values.get("status") == 409:
        return UsageError(
            N_("the code is for another station; the records here are of {kept}: have the office make a code for it"),
            kept=kept,
        )
    why = str(error.values.get("error", error))
    if "certificate is not yet valid" in why or "certificate has expired" in why:
        return ClockError(
            N_("{url}: its certificate does not hold today. Is it really {now} (UTC)? Else set the clock right"),
            url=url,
            now=f"{local_time(SystemClock().now_ms(), UTC):%Y-%m-%d %H:%M}",
        )
    return AddressError(
        N_("{url}: no community answers there ({error}); check address and network, or join by stick"),
        url=url,
        error=why,
    )
