"""Printer addresses: what they mean, and the sentence for what means nothing."""

import pytest

from passes.errors import UsageError
from station.devices.printers import FORMS, CupsPrinter, StripPrinter, WindowsPrinter, open_printer
from station.devices.printers.address import parse_address


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_is_told_is_understood(form: str) -> None:
    assert open_printer(form.replace("HOST", "192.0.2.7")).address


def test_what_a_printer_takes() -> None:
    assert isinstance(open_printer("cups:Office"), CupsPrinter)
    assert open_printer("cups:Office").takes == "pdf"
    assert isinstance(open_printer("windows:HP LaserJet (Büro)"), WindowsPrinter)
    assert open_printer("windows:HP LaserJet (Büro)").takes == "pdf"
    printer = open_printer("escpos:tcp://192.0.2.7")
    assert isinstance(printer, StripPrinter)
    assert (printer.takes, printer.width_mm, printer.width_dots) == ("strip", 58, 384)
    wide = open_printer("escpos:file:/dev/usb/lp0?width=80")
    assert isinstance(wide, StripPrinter)
    assert (wide.width_mm, wide.width_dots) == (80, 576)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("escpos:tcp://192.0.2.7", "192.0.2.7", 9100),
        ("escpos:tcp://printer.example:9101/", "printer.example", 9101),
        ("escpos:tcp://[2001:db8::7]:9100?width=80", "2001:db8::7", 9100),
        ("  escpos:tcp://192.0.2.7  ", "192.0.2.7", 9100),
    ],
)
def test_network_addresses(text: str, host: str, port: int) -> None:
    assert parse_address(text).host_and_port == (host, port)


def test_options_of_a_serial_line() -> None:
    address = parse_address("escpos:serial:COM3?baud=115200&status=no&width=80")
    assert address.target == "COM3"
    assert dict(address.options) == {"baud": "115200", "status": "no", "width": "80"}
    assert parse_address("escpos:usb:04B8:0e15").usb_ids == (0x04B8, 0x0E15)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Office",
        "cups:",
        "cups:-oraw",
        "cups:two words",
        "cups:a/b",
        "escpos:cups:Office",
        "tcp://192.0.2.7",
        "escpos:tcp:192.0.2.7",
        "escpos:tcp://",
        "escpos:tcp://:9100",
        "escpos:tcp://192.0.2.7:0",
        "escpos:tcp://192.0.2.7:99999",
        "escpos:tcp://192.0.2.7/queue",
        "escpos:tcp://user@192.0.2.7",
        "escpos:tcp://[2001:db8::7",
        "escpos:tcp://" + "a" * 70,
        "escpos:serial:ttyUSB0",
        "escpos:serial:socket://192.0.2.7:1",
        "escpos:usb:04b8",
        "escpos:usb:04b8:zzzz",
        "escpos:file:",
        "escpos:file:/dev/usb\0/lp0",
        'windows:HP" & calc',
        "windows:HP\nLaserJet",
        "lpd:Office",
    ],
)
def test_what_is_no_printer_is_told_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_printer(text)
    assert caught.value.values["address"] == text
    assert all(form in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    ("text", "option", "known"),
    [
        ("cups:Office?width=58", "width=58", "media=A4, sides=two-sided-long-edge"),
        ("cups:Office?media=A4%20-o%20raw", "media=A4 -o raw", "media=A4"),
        ("cups:Office?sides=both", "sides=both", "two-sided-long-edge"),
        ("windows:Office?media=A4", "media=A4", "-"),
        ("escpos:tcp://192.0.2.7?width=60", "width=60", "width=58|80"),
        ("escpos:tcp://192.0.2.7?width=58&width=80", "width=80", "width=58|80"),
        ("escpos:tcp://192.0.2.7?baud=9600", "baud=9600", "width=58|80"),
        ("escpos:serial:/dev/ttyUSB0?baud=fast", "baud=fast", "baud=9600"),
        ("escpos:serial:/dev/ttyUSB0?status=yes", "status=yes", "status=no"),
        ("escpos:file:/dev/usb/lp0?cut", "cut=", "width=58|80"),
    ],
)
def test_wrong_options_are_told_with_the_known_ones(text: str, option: str, known: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_printer(text)
    assert caught.value.values["option"] == option
    assert known in str(caught.value.values["known"])
