"""Bundle files on a stick: their names, how one is written so that it is whole or not there, and what can go wrong."""

import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import BinaryIO, Literal

from passes.errors import N_
from passes.plaintext import plain
from sync.bundle import BundleError, BundleReader
from sync.disk import through_to_disk

SUFFIX = ".gatepost"
PART_SUFFIX = ".part"
FILE_BYTES = 16 * 1024 * 1024
"""A bundle in a folder goes on in a further file from this size on, so that little is lost with one file."""

SPARE_BYTES = 1024 * 1024
"""What a stick must have free beyond what is going to be written."""

To = Literal["community", "station", "new-station"]


def bundle_name(station: str, made_ms: int, number: int, to: To, zone: tzinfo) -> str:
    """Return the name of a bundle of or for a station: `G1_2026-02-07_080000_001.to-community.gatepost`."""
    at = datetime.fromtimestamp(made_ms / 1000, UTC).astimezone(zone)
    return f"{station}_{at:%Y-%m-%d_%H%M%S}_{number:03d}.to-{to}{SUFFIX}"


def free_name(folder: Path, station: str, made_ms: int, to: To, zone: tzinfo) -> Path:
    """Return the path of a bundle that is not in the folder yet; raises `BundleError`."""
    with stick_errors(folder):
        there = {entry.name for entry in folder.iterdir()}
    names = (bundle_name(station, made_ms, number, to, zone) for number in itertools.count(1))
    return folder / next(name for name in names if name not in there)


def bundles_in(paths: Sequence[Path], to: To) -> list[Path]:
    """Return the bundles among the paths, and those in the folders among them, by name; raises `BundleError`."""
    found: list[Path] = []
    for path in paths:
        with stick_errors(path):
            if path.is_dir():
                found += sorted(entry for entry in path.iterdir() if entry.name.endswith(f".to-{to}{SUFFIX}"))
            elif path.exists():
                found.append(path)
            else:
                raise BundleError(
                    N_("{path}: is not there; is the stick plugged in, and the path right?"),
                    path=plain(str(path), 1000),
                )
    return found


@contextmanager
def open_bundle(path: Path) -> Iterator[BundleReader]:
    """Open a bundle for the block; raises `BundleError`, also for a stick that is pulled while it is read."""
    with stick_errors(path), path.open("rb") as file:
        yield BundleReader(file, str(path))


def write_bundle(path: Path, fill: Callable[[BinaryIO], None], check: Callable[[BundleReader], object]) -> None:
    """Write a new file that is whole under its name or not there: a part beside it, on the disk, read back, renamed.

    `fill` writes the bundle, `check` verifies what is read back from the stick. Raises `BundleError` and what the two
    raise; nothing is left then that looks like a bundle.
    """
    part = path.with_name(path.name + PART_SUFFIX)
    try:
        with stick_errors(path):
            with part.open("wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            with part.open("rb") as file:
                _forget(file)
                check(BundleReader(file, str(part)))
            part.replace(path)
            through_to_disk(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def remove_parts(folder: Path, station: str) -> None:
    """Take away what a broken-off export of this station has left; raises `BundleError`."""
    with stick_errors(folder):
        for part in folder.glob(f"*{SUFFIX}{PART_SUFFIX}"):
            if part.name.startswith(f"{station}_"):
                part.unlink(missing_ok=True)


def require_room(folder: Path, needed_bytes: int) -> None:
    """Raise `BundleError` unless the stick has that much room, and some more."""
    with stick_errors(folder):
        free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise _full(folder, free)


@contextmanager
def stick_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a stick inside the block into a `BundleError` with the remedy."""
    try:
        yield
    except OSError as error:
        raise _trouble(path, error) from error


def _trouble(path: Path, error: OSError) -> BundleError:
    why = error.strerror or type(error).__name__
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _full(path, 0)
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return BundleError(
            N_("{path}: cannot be read or written ({error}); take the write lock off the stick or use another"),
            path=plain(str(path), 1000),
            error=why,
        )
    return BundleError(
        N_("{path}: the stick does not answer ({error}); plug it in again and repeat, nothing is lost"),
        path=plain(str(path), 1000),
        error=why,
    )


def _full(path: Path, free: int) -> BundleError:
    return BundleError(
        N_("{path}: the stick is full (free: {free} MB); make room or use another and repeat, nothing is lost"),
        path=plain(str(path), 1000),
        free=free // 1024**2,
    )


def _forget(file: BinaryIO) -> None:
    """Let the system forget the file's pages, so that what is read comes from the stick."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
