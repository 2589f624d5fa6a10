"""Passes on paper: PDF pages through the system's queues, strips as one bitmap in ESC/POS.

`open_printer` only reads an address; nothing is connected until something is printed. A printer that is switched off,
out of paper or out of reach raises `PrinterError` after at most `LIMIT_S`, and its pass stays unprinted.
"""

from typing import TypeAlias

from station.devices.printers.address import FORMS, parse_address
from station.devices.printers.found import FoundPrinter, list_printers
from station.devices.printers.job import LIMIT_S, PrinterError
from station.devices.printers.queues import CupsPrinter, WindowsPrinter
from station.devices.printers.strips import StripPrinter
from station.devices.printers.wires import open_wire

__all__ = [
    "FORMS",
    "LIMIT_S",
    "CupsPrinter",
    "FoundPrinter",
    "Printer",
    "PrinterError",
    "StripPrinter",
    "WindowsPrinter",
    "list_printers",
    "open_printer",
]

Printer: TypeAlias = CupsPrinter | WindowsPrinter | StripPrinter
"""Something that prints; `takes` says what: `pdf` (`print_pdf`) or `strip` (`print_strips`, `width_mm`)."""


def open_printer(address: str) -> Printer:
    """Return the printer at `address`, one of `FORMS`; see `parse_address` for the options behind a `?`.

    Raises UsageError for an address that cannot be. Whether the printer is there shows when something is printed.
    """
    parsed = parse_address(address)
    match parsed.scheme:
        case "cups":
            return CupsPrinter(parsed)
        case "windows":
            return WindowsPrinter(parsed)
        case _:
            return StripPrinter(parsed.text, parsed.width_mm, lambda deadline: open_wire(parsed, deadline))
