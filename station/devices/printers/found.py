"""Which printers this machine knows: proposals for `--to`, nothing is opened or written to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passes.plaintext import plain

_LPSTAT_S: Final = 2.0
_DEVICE_FILES: Final = Path("/dev/usb")
_WINDOWS_DEVICES: Final = r"Software\Microsoft\Windows NT\CurrentVersion\Devices"


@dataclass(frozen=True, slots=True)
class FoundPrinter:
    """A printer by the `address` that `open_printer` takes; `description` is what the machine says of it."""

    address: str
    description: str


def list_printers() -> tuple[FoundPrinter, ...]:
    """Return CUPS queues, Windows printers, printer device files, USB printers and serial ports, in this order.

    Serial ports are candidates: whether a printer hangs there, only its user knows. A printer may be reached in two
    ways and then stands here twice. Never raises for what is not installed, and takes 2 seconds at most for CUPS.
    """
    return (*_cups(), *_windows(), *_device_files(), *_usb(), *_serial())


def _cups() -> Iterator[FoundPrinter]:
    try:
        done = subprocess.run(
            ["lpstat", "-e"],  # noqa: S607 - CUPS is where the system's PATH says
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={**os.environ, "LC_ALL": "C"},
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_LPSTAT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for queue in done.stdout.split():
        yield FoundPrinter(f"cups:{queue}", "CUPS")


def _windows() -> list[FoundPrinter]:
    names: list[str] = []
    if sys.platform == "win32":
        import winreg

        with suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, _WINDOWS_DEVICES) as key:
            names = [winreg.EnumValue(key, index)[0] for index in range(winreg.QueryInfoKey(key)[1])]
    return [FoundPrinter(f"windows:{name}", "Windows") for name in names]


def _device_files() -> Iterator[FoundPrinter]:
    for path in sorted(_DEVICE_FILES.glob("lp*")):
        yield FoundPrinter(f"escpos:file:{path}", "USB")


def _usb() -> Iterator[FoundPrinter]:
    from station.devices.printers.local import usb_printers

    with suppress(ImportError, ValueError, OSError):  # pyusb, libusb, or the right to look
        for device, _interface, _endpoint in usb_printers():
            yield FoundPrinter(f"escpos:usb:{device.idVendor:04x}:{device.idProduct:04x}", "USB")


def _serial() -> Iterator[FoundPrinter]:
    from serial.tools.list_ports import comports

    for port in sorted(comports()):
        yield FoundPrinter(f"escpos:serial:{port.device}?baud=9600", plain(port.description))
