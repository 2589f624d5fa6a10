"""What SQLite writes, recorded: a VFS between the library that the program really uses and its files.

The interface is SQLite's own (sqlite.org, "The SQLite OS Interface or VFS"), reached by ctypes in the very shared
library that `sync.sqlite` opens its files with, so that no second build of SQLite stands in for it. Files are still
really written. The shared memory of the write-ahead log is not recorded: no power cut leaves it.
"""

import ctypes
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sync.sqlite import sqlite3

_OPEN_JOURNAL = 0x0800 | 0x80000
"""SQLITE_OPEN_MAIN_JOURNAL and SQLITE_OPEN_WAL: with their first sync SQLite syncs the folder, too."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file was opened, and created if it was not there."""

    name: str
    syncs_folder: bool


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes were written at an offset."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A file was cut to a size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What was written to a file is on the disk."""

    name: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file was deleted; the folder was synced then or not."""

    name: str
    syncs_folder: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """A small file that is not SQLite's was replaced, and nobody synced it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Promised:
    """Somebody was told that this much is on the disk."""

    what: dict[str, int]


Step = Opened | Written | Cut | Synced | Deleted | Noted | Promised


@dataclass
class Recording:
    """Everything that happened to the files of one folder, in order."""

    folder: Path
    steps: list[Step] = field(default_factory=list)

    def note(self, path: Path) -> None:
        """Say that a file beside SQLite's was replaced."""
        self.steps.append(Noted(path.name, path.read_bytes()))

    def promise(self, **what: int) -> None:
        """Say what was promised just now."""
        self.steps.append(Promised(what))


_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_CLOSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", _OPEN),
        ("xDelete", _DELETE),
        ("others", ctypes.c_void_p * 14),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("xClose", _CLOSE),
        ("xRead", ctypes.c_void_p),
        ("xWrite", _WRITE),
        ("xTruncate", _TRUNCATE),
        ("xSync", _SYNC),
        ("others", ctypes.c_void_p * 13),
    )


def library() -> ctypes.CDLL | None:
    """Return the SQLite that the program uses; None where it does not export its interface to the file system."""
    found = ctypes.CDLL(importlib.import_module(sqlite3.connect.__module__).__file__)
    return found if hasattr(found, "sqlite3_vfs_register") else None


class _Recorder:
    """A VFS that does all through the default one and writes down what that was."""

    def __init__(self, sqlite: ctypes.CDLL, recording: Recording) -> None:
        self._recording = recording
        self._names: dict[int, tuple[str, _Methods]] = {}
        sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._real = sqlite.sqlite3_vfs_find(None)
        self.vfs = _Vfs.from_buffer_copy(self._real.contents)
        self.vfs.zName = b"recording"
        self.vfs.xOpen = _OPEN(self._open)
        self.vfs.xDelete = _DELETE(self._delete)
        self._methods: dict[int, _Methods] = {}

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: object) -> int:
        result: int = self._real.contents.xOpen(ctypes.addressof(self._real.contents), name, file, flags, out)
        if result == 0 and name is not None and (path := self._own(name)):
            pointer = ctypes.c_void_p.from_address(file)
            self._names[file] = (path, _Methods.from_address(pointer.value or 0))
            pointer.value = ctypes.addressof(self._recording_methods(pointer.value or 0))
            self._recording.steps.append(Opened(path, bool(flags & _OPEN_JOURNAL)))
        return result

    def _recording_methods(self, address: int) -> _Methods:
        """Return the real methods at this address with those that change a file replaced by our own."""
        if address not in self._methods:
            made = self._methods[address] = _Methods.from_buffer_copy(_Methods.from_address(address))
            made.xClose = _CLOSE(self._close)
            made.xWrite = _WRITE(self._write)
            made.xTruncate = _TRUNCATE(self._truncate)
            made.xSync = _SYNC(self._sync)
        return self._methods[address]

    def _delete(self, _vfs: int, name: int, syncs_folder: int) -> int:
        result: int = self._real.contents.xDelete(ctypes.addressof(self._real.contents), name, syncs_folder)
        if result == 0 and (path := self._own(name)):
            self._recording.steps.append(Deleted(path, bool(syncs_folder)))
        return result

    def _close(self, file: int) -> int:
        return int(self._names.pop(file)[1].xClose(file))

    def _write(self, file: int, data: int, size: int, offset: int) -> int:
        name, real = self._names[file]
        self._recording.steps.append(Written(name, offset, ctypes.string_at(data, size)))
        return int(real.xWrite(file, data, size, offset))

    def _truncate(self, file: int, size: int) -> int:
        name, real = self._names[file]
        self._recording.steps.append(Cut(name, size))
        return int(real.xTruncate(file, size))

    def _sync(self, file: int, flags: int) -> int:
        name, real = self._names[file]
        result = int(real.xSync(file, flags))
        if result == 0:
            self._recording.steps.append(Synced(name))
        return result

    def _own(self, name: int) -> str | None:
        path = Path(ctypes.string_at(name).decode())
        return path.name if path.parent == self._recording.folder else None


_RECORDERS: list[_Recorder] = []
"""Kept for good: a connection that a failed test has left open still calls its VFS when it is closed."""


@contextmanager
def recording(sqlite: ctypes.CDLL, folder: Path) -> Iterator[Recording]:
    """Record what happens to SQLite's files in `folder` for as long as the block runs; close them inside it."""
    made = Recording(folder)
    recorder = _Recorder(sqlite, made)
    _RECORDERS.append(recorder)
    register: Callable[..., int] = sqlite.sqlite3_vfs_register
    assert register(ctypes.byref(recorder.vfs), 1) == 0
    try:
        yield made
    finally:
        sqlite.sqlite3_vfs_unregister(ctypes.byref(recorder.vfs))
