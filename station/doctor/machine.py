"""What is judged of the machine: SQLite, disk, font, terminal, and what gets in the way of serial ports."""

from collections.abc import Iterator

from passes.errors import N_
from station.doctor import Finding, note, ok, problem
from station.doctor.facts import Machine, Terminal
from station.storage import LEAST_FREE_BYTES
from sync.sqlite import safe_journal_mode

FEW_FREE_BYTES = 1_000_000_000
LEAST_COLUMNS, LEAST_LINES = 80, 24

CH340 = (0x1A86, 0x7523)
"""The converter that brltty takes for a Braille display of the same numbers."""

_DEFAULT_GROUP = "dialout"


def judge_machine(machine: Machine, *, has_devices: bool) -> list[Finding]:
    """Return the findings about the machine; `has_devices`: some serial device is in the station's settings."""
    return [
        ok("program", N_("Gatepost {version}; {python}"), version=machine.program, python=machine.python),
        _sqlite(machine),
        *_disk(machine),
        _font(machine),
        *_terminal(machine.terminal),
        *_ports(machine),
        *_intruders(machine, has_devices=has_devices),
    ]


def _sqlite(machine: Machine) -> Finding:
    version = ".".join(map(str, machine.sqlite))
    if safe_journal_mode(machine.sqlite) == "WAL":
        return ok("sqlite", N_("SQLite {version}: not affected by the WAL fault, journal mode WAL"), version=version)
    return note(
        "sqlite",
        N_(
            "SQLite {version} has the WAL fault, so the journal runs in mode DELETE: safe, a little slower;"
            " for a newer one run: pip install pysqlite3"
        ),
        version=version,
    )


def _disk(machine: Machine) -> Iterator[Finding]:
    if machine.unwritable:
        yield problem(
            "disk",
            N_("the data folder cannot be written ({why}); check its owner, its permissions and the disk"),
            why=machine.unwritable,
        )
    if machine.free_bytes is None:
        yield note("disk", N_("how much room the disk has cannot be told here"))
        return
    megabytes = machine.free_bytes // 1_000_000
    if machine.free_bytes < LEAST_FREE_BYTES:
        yield problem("disk", N_("only {megabytes} MB free on the disk: free some space today"), megabytes=megabytes)
    elif machine.free_bytes < FEW_FREE_BYTES:
        yield note("disk", N_("{megabytes} MB free on the disk: free some space soon"), megabytes=megabytes)
    else:
        yield ok("disk", N_("{megabytes} MB free on the disk"), megabytes=megabytes)


def _font(machine: Machine) -> Finding:
    if machine.has_chinese_font:
        return ok("font", N_("font for Chinese on paper: found"))
    return problem(
        "font",
        N_("no font for Chinese: passes cannot be printed; run: pip install --force-reinstall pylopdf-fonts-zh-cn"),
    )


def _terminal(terminal: Terminal) -> Iterator[Finding]:
    if not terminal.is_terminal:
        yield note("terminal", N_("this is not run in a terminal: its size and colours cannot be told"))
        return
    troubles = list(_terminal_troubles(terminal))
    yield from troubles
    if not troubles:
        yield ok(
            "terminal",
            N_("terminal of {columns} x {lines}, {encoding}, with colours"),
            columns=terminal.columns,
            lines=terminal.lines,
            encoding=terminal.encoding,
        )


def _terminal_troubles(terminal: Terminal) -> Iterator[Finding]:
    if terminal.columns < LEAST_COLUMNS or terminal.lines < LEAST_LINES:
        yield problem(
            "terminal",
            N_(
                "terminal of {columns} x {lines}: the gate needs 80 x 24; make the window larger or the letters smaller"
            ),
            columns=terminal.columns,
            lines=terminal.lines,
        )
    if terminal.encoding.lower().replace("-", "") != "utf8":
        yield problem(
            "terminal",
            N_("the terminal's encoding is {encoding}, Chinese needs UTF-8; set for example: export LANG=C.UTF-8"),
            encoding=terminal.encoding or "-",
        )
    if terminal.name == "linux":
        yield problem(
            "terminal",
            N_("the text console has no Chinese letters; start gatepost in a terminal window of the desktop"),
        )
    if not terminal.has_colours:
        yield note(
            "terminal",
            N_("no colours here (TERM={term}, NO_COLOR); verdicts are told by word and symbol only"),
            term=terminal.name or "-",
        )


def _ports(machine: Machine) -> Iterator[Finding]:
    locked = [port for port in machine.ports if not port.may_use]
    for port in locked:
        yield problem(
            "permission",
            N_("{port}: this user may not use it; run: sudo usermod -aG {group} $USER, then sign out and in again"),
            port=port.info.device,
            group=port.group or _DEFAULT_GROUP,
        )
    is_outside = machine.system == "linux" and not machine.is_root and _DEFAULT_GROUP not in machine.groups
    if not machine.ports and is_outside:
        yield note(
            "permission",
            N_("no serial port is plugged in; for one run first: sudo usermod -aG dialout $USER, then sign in again"),
        )
    elif not locked:
        names = ", ".join(port.info.device for port in machine.ports)
        yield ok("ports", N_("serial ports: {ports}"), ports=names or "-")


def _intruders(machine: Machine, *, has_devices: bool) -> Iterator[Finding]:
    has_ch340 = any((port.info.vid, port.info.pid) == CH340 for port in machine.ports)
    if "brltty" in machine.processes:
        # A port that brltty has taken is no longer in the list.
        tell = problem if has_ch340 or has_devices else note
        yield tell(
            "brltty",
            N_(
                "brltty runs and takes away CH340 adapters (1a86:7523): if nobody reads Braille here, run:"
                " sudo apt remove brltty, then plug the adapter in again"
            ),
        )
    if "ModemManager" in machine.processes and not machine.has_modem_rule:
        yield note(
            "modemmanager",
            N_(
                "ModemManager runs and disturbs new serial devices for half a minute; keep it away by a udev rule with"
                " ID_MM_DEVICE_IGNORE, see docs/devices.md"
            ),
        )
    if machine.system == "win32" and (has_devices or machine.ports):
        yield note(
            "serial-mouse",
            N_(
                "Windows may take a sending thermometer for a serial mouse: when the pointer jumps, disable"
                " “Microsoft Serial BallPoint” in the device manager, see docs/devices.md"
            ),
        )
