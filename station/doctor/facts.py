"""What there is to know of this machine, gathered in one place, so that judging it needs no machine."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from station.devices.ports import PortInfo, list_ports
from sync.sqlite import sqlite3

_PROCESSES = Path("/proc")
_UDEV_RULES = (Path("/etc/udev/rules.d"), Path("/run/udev/rules.d"))
_MODEM_MARKS = (b"ID_MM_DEVICE_IGNORE", b"ID_MM_PORT_IGNORE")


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the program writes to; `columns` and `lines` are in cells."""

    is_terminal: bool
    columns: int
    lines: int
    encoding: str
    name: str
    """TERM; empty where nobody says."""
    has_colours: bool


@dataclass(frozen=True, slots=True)
class PortAccess:
    """A serial port that is there, whether this user may use it, and the group of users that may."""

    info: PortInfo
    may_use: bool
    group: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine as this user sees it.

    `system` is `sys.platform`; `groups` are the user's, by name; `processes` the running programs' names, empty where
    they cannot be seen. `unwritable` says why nothing can be written into the data folder, empty when it can.
    """

    program: str
    python: str
    system: str
    is_root: bool
    groups: frozenset[str]
    processes: frozenset[str]
    has_modem_rule: bool
    sqlite: tuple[int, ...]
    free_bytes: int | None
    unwritable: str
    has_chinese_font: bool
    terminal: Terminal
    ports: tuple[PortAccess, ...]


def gather(folder: Path, environ: Mapping[str, str], output: TextIO) -> Machine:
    """Return what this machine is like for a station in `folder`, which need not be there yet."""
    return Machine(
        program=_program(),
        python=f"{platform.python_implementation()} {platform.python_version()}, {platform.platform(terse=True)}",
        system=sys.platform,
        is_root=sys.platform != "win32" and os.geteuid() == 0,
        groups=_groups(),
        processes=running_programs(_PROCESSES),
        has_modem_rule=has_modem_rule(_UDEV_RULES),
        sqlite=tuple(sqlite3.sqlite_version_info),
        free_bytes=_free_bytes(folder),
        unwritable=why_unwritable(folder),
        has_chinese_font=_has_chinese_font(),
        terminal=terminal_of(environ, output),
        ports=tuple(_access(port) for port in list_ports()),
    )


def running_programs(folder: Path) -> frozenset[str]:
    """Return the names of the running programs as /proc lists them; none where there is no such folder."""
    names = set()
    for comm in folder.glob("[0-9]*/comm"):
        with suppress(OSError):  # ended meanwhile
            names.add(comm.read_text(errors="replace").strip())
    return frozenset(names)


def has_modem_rule(folders: tuple[Path, ...]) -> bool:
    """Say whether some rule of this machine's owner keeps ModemManager away from a device."""
    for folder in folders:
        for path in folder.glob("*.rules"):
            with suppress(OSError):
                rules = path.read_bytes()
                if any(mark in line for line in rules.splitlines() for mark in _MODEM_MARKS if line[:1] != b"#"):
                    return True
    return False


def why_unwritable(folder: Path) -> str:
    """Return why no file can be made in `folder`, or in what it would be made in; empty when one can."""
    try:
        with tempfile.NamedTemporaryFile(dir=_existing(folder), prefix=".gatepost-doctor-") as file:
            file.write(b"\0")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def terminal_of(environ: Mapping[str, str], output: TextIO) -> Terminal:
    """Return what `output` is; the size is that of the terminal, or of COLUMNS and LINES."""
    size = shutil.get_terminal_size((0, 0))
    name = environ.get("TERM", "")
    return Terminal(
        is_terminal=output.isatty(),
        columns=size.columns,
        lines=size.lines,
        encoding=output.encoding or "",
        name=name,
        has_colours=name not in {"dumb", "vt100"} and "NO_COLOR" not in environ,
    )


def _program() -> str:
    try:
        return importlib.metadata.version("gatepost")
    except importlib.metadata.PackageNotFoundError:
        return "-"


def _groups() -> frozenset[str]:
    if sys.platform == "win32":
        return frozenset()
    import grp

    names = set()
    for number in {*os.getgroups(), os.getegid()}:
        with suppress(KeyError):
            names.add(grp.getgrgid(number).gr_name)
    return frozenset(names)


def _access(port: PortInfo) -> PortAccess:
    return PortAccess(
        port, os.access(port.device, os.R_OK | os.W_OK) or sys.platform == "win32", _group_of(port.device)
    )


def _group_of(device: str) -> str:
    if sys.platform == "win32":
        return ""
    try:
        return Path(device).group()
    except (OSError, KeyError):
        return ""


def _existing(folder: Path) -> Path:
    return next((path for path in (folder, *folder.parents) if path.is_dir()), folder)


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(_existing(folder)).free
    except OSError:
        return None


def _has_chinese_font() -> bool:
    from passes.fonts import package_face

    try:
        return package_face().draws("岗")
    except (ImportError, OSError):
        return False
