"""The file that a station is given to join its community; it holds the station's secret."""

import os
from pathlib import Path

import msgspec

from passes.errors import N_, GatepostError, UsageError


class EnrolmentError(GatepostError):
    """An enrolment file that cannot be used or written."""


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a station needs to take part; bytes are base64 in the file.

    `trust_list` is what `passes.keys.sign_trust_list` returns, `root_public_key` the 32 raw bytes that verify it,
    `issuing_key` a PKCS8 PEM when the station may issue passes. `digest_key` is the secret by which numbers are
    matched (`sync.sealing`). `url` is where the community is served.
    """

    version: int = 1
    community: str
    community_name: str
    zone: str
    url: str
    station: str
    station_name: str
    secret: str
    root_public_key: bytes
    trust_list: bytes
    issuing_key: str | None = None
    digest_key: bytes | None = None


def write_enrolment(path: Path, enrolment: Enrolment) -> None:
    """Write a new file with mode 0600; raises `UsageError` when it exists and `EnrolmentError` when it cannot be."""
    data = msgspec.json.format(msgspec.json.encode(enrolment), indent=2)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(N_("{path}: exists already; hand it over or delete it first"), path=path) from None
    except OSError as error:
        raise EnrolmentError(
            N_("{path}: cannot be written ({error}); check the folder"), path=path, error=error
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data + b"\n")


def read_enrolment(path: Path) -> Enrolment:
    """Read an enrolment file; raises `EnrolmentError` naming file, field and remedy."""
    try:
        enrolment = msgspec.json.decode(path.read_bytes(), type=Enrolment)
    except OSError as error:
        raise EnrolmentError(N_("{path}: cannot be read ({error}); check the path"), path=path, error=error) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise EnrolmentError(
            N_("{path}: {error}; this is no whole enrolment file, copy it again from the office"),
            path=path,
            error=error,
        ) from error
    if enrolment.version != 1:
        raise EnrolmentError(
            N_("{path}: version {version} is newer than this program; install the matching Gatepost"),
            path=path,
            version=enrolment.version,
        )
    return enrolment
