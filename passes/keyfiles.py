"""Private keys in files: PKCS8 PEM, for their owner's eyes only (mode 0600), under a passphrase where one is given.

The encryption is PBES2 (PBKDF2 with HMAC-SHA256, AES-256-CBC; RFC 8018), which OpenSSL reads too. Its 2,048 rounds
slow down nobody who guesses, so a short passphrase is refused.
"""

import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passes.errors import N_, KeyFileError
from passes.keys import IssuingKey
from passes.plaintext import plain

MIN_PASSPHRASE_CHARS = 12

_MAX_FILE_BYTES = 16 * 1024
_ENCRYPTED = b"BEGIN ENCRYPTED PRIVATE KEY"


class PemKey(Protocol):
    """A private key that can be written as PKCS8 PEM."""

    def pem(self, passphrase: str | None = None) -> bytes:
        """Return the PEM, encrypted when there is a passphrase; ValueError if that cannot be used."""
        ...


def save_key(path: Path, key: PemKey, passphrase: str | None = None) -> None:
    """Write the key to a new file that only its owner can read.

    Raises KeyFileError when the file exists (a key is never overwritten), when the passphrase cannot be used, or when
    the folder cannot be written; a file that could not be written whole is removed again.
    """
    pem = _pem(path, key, passphrase)
    save_private_file(path, pem)


def save_private_file(path: Path, data: bytes) -> None:
    """Write a new file of secrets that only its owner can read; raises KeyFileError as `save_key` does."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise _refused(N_("The key file {path} exists and is never overwritten: name another file."), path) from None
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unusable(path, error) from error


def reseal_key(path: Path, old_passphrase: str | None, new_passphrase: str | None) -> IssuingKey:
    """Put the key in the file under another passphrase, or under none, and return it.

    Until the new file is whole the old one stands. Raises KeyFileError as `load_key` and `save_key` do.
    """
    key = load_key(path, old_passphrase)
    replace_key(path, key, new_passphrase)
    return key


def replace_key(path: Path, key: PemKey, passphrase: str | None) -> None:
    """Put a key in the place of the file's; until it is whole the old one stands. Raises KeyFileError."""
    part = path.with_name(f"{path.name}.new")
    part.unlink(missing_ok=True)
    save_key(part, key, passphrase)
    try:
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _unusable(path, error) from error


def load_key(path: Path, passphrase: str | None = None) -> IssuingKey:
    """Read a key that `save_key` wrote.

    Raises KeyFileError as `load_private_key` does, and for what is not an Ed25519 key.
    """
    private = load_private_key(path, passphrase)
    if not isinstance(private, Ed25519PrivateKey):
        raise _refused(N_("The key file {path} holds no Ed25519 key: use one that Gatepost made."), path)
    return IssuingKey(private)


def load_private_key(path: Path, passphrase: str | None = None) -> object:
    """Read a private key of any kind; the caller looks whether it is the one that is needed.

    Raises KeyFileError when the file is missing, open to group or others (POSIX), damaged, of a kind that is not known
    here, or when the passphrase is wrong, missing or not needed.
    """
    encrypted = _ENCRYPTED in (pem := read_private_file(path))
    if encrypted and not passphrase:
        raise _refused(N_("The key file {path} needs a passphrase: give it."), path)
    if not encrypted and passphrase is not None:
        raise _refused(N_("The key file {path} is not encrypted, but a passphrase was given: leave it out."), path)
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        return load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError):
        if encrypted and b"END ENCRYPTED PRIVATE KEY" in pem:
            raise _refused(
                N_("The passphrase for the key file {path} is wrong, or the file is damaged: try again."), path
            ) from None
        raise _refused(N_("The key file {path} is damaged or no PEM key: restore it from a backup."), path) from None


def needs_passphrase(path: Path) -> bool:
    """Say whether the key in the file is encrypted; raises KeyFileError when the file cannot be read or used."""
    return _ENCRYPTED in read_private_file(path)


def read_passphrase(path: Path) -> str:
    """Return the first line of a file, in UTF-8.

    Raises KeyFileError when there is nothing in it, and as `read_private_file` does.
    """
    lines = read_private_file(path).decode(errors="replace").splitlines()
    if not lines or not lines[0] or "\ufffd" in lines[0]:
        raise _refused(N_("The file {path} holds no passphrase: write it into the first line, in UTF-8."), path)
    return lines[0]


def read_private_file(path: Path) -> bytes:
    """Return the first 16 KiB of a file of secrets.

    Raises KeyFileError when it is missing, no regular file, cannot be read, or is open to group or others (POSIX).
    """
    try:
        # Without O_NONBLOCK a named pipe in the place of the file would hang the station.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _refused(N_("The key file {path} is not a file: name the PEM file."), path)
            if os.name == "posix" and status.st_mode & 0o077:
                raise _refused(
                    N_("The key file {path} has mode {mode}, so others may use it: run `chmod 600` on it."),
                    path,
                    mode=f"{stat.S_IMODE(status.st_mode):04o}",
                )
            return file.read(_MAX_FILE_BYTES)
    except FileNotFoundError:
        raise _refused(N_("The key file {path} is missing: check the path, or restore its backup."), path) from None
    except OSError as error:
        raise _unusable(path, error) from error


def _pem(path: Path, key: PemKey, passphrase: str | None) -> bytes:
    if passphrase is not None and len(passphrase) < MIN_PASSPHRASE_CHARS:
        raise _refused(
            N_("The passphrase for {path} has fewer than {least} characters: choose a longer one, of several words."),
            path,
            least=MIN_PASSPHRASE_CHARS,
        )
    try:
        return key.pem(passphrase)
    except ValueError:
        raise _refused(N_("The passphrase for {path} is too long or no text: choose another."), path) from None


def _unusable(path: Path, error: OSError) -> KeyFileError:
    why = error.strerror or type(error).__name__
    return _refused(N_("The key file {path} cannot be used ({why}): check path and permissions."), path, why=why)


def _refused(sentence: str, path: Path, **values: object) -> KeyFileError:
    return KeyFileError(sentence, path=plain(str(path)), **values)
