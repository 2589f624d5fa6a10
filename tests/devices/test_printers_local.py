"""Strip printers on this machine: a serial line, a device file, USB through pyusb."""

import os
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageChops
from usb.backend import IBackend
from usb.core import USBTimeoutError

from station.devices.printers import PrinterError, StripPrinter, job, open_printer, strips
from tests.devices.listening import hand_line
from tests.devices.printing import OFF_LINE, PAPER_OUT, READY, PaperRoll, reading, strip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither pseudo-terminals nor fifos")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a printer less time, for the tests whose printer never answers."""
    monkeypatch.setattr(job, "LIMIT_S", 1.2)
    monkeypatch.setattr(strips, "ANSWER_S", 0.1)


def print_strips(address: str, *pictures: Image.Image) -> None:
    printer = open_printer(address)
    assert isinstance(printer, StripPrinter)
    printer.print_strips(pictures or [strip()])


def failure(address: str, *pictures: Image.Image) -> str:
    with pytest.raises(PrinterError) as caught:
        print_strips(address, *pictures)
    assert caught.value.printed == 0
    assert str(caught.value).startswith(f"{address}: ")
    return str(caught.value)


def assert_printed(roll: PaperRoll, *drawn: Image.Image) -> None:
    assert len(roll.strips) == len(drawn)
    for printed, picture in zip(roll.strips, drawn, strict=True):
        assert ImageChops.difference(printed.convert("L"), picture.convert("L")).getbbox() is None


def test_a_serial_printer_that_answers() -> None:
    with hand_line() as (master, name):
        with reading(master, READY) as roll:
            print_strips(f"escpos:serial:{name}?baud=115200", strip("GP1AB"), strip("GP1CD"))
        assert_printed(roll, strip("GP1AB"), strip("GP1CD"))


@pytest.mark.parametrize(("state", "words"), [(PAPER_OUT, "put in a new roll"), (OFF_LINE, "close its cover")])
def test_trouble_on_a_serial_line(state: dict[int, int], words: str) -> None:
    with hand_line() as (master, name):
        with reading(master, state) as roll:
            assert words in failure(f"escpos:serial:{name}")
        assert roll.heard == []


@pytest.mark.usefixtures("_impatient")
def test_a_serial_printer_that_is_off_gets_no_strip() -> None:
    with hand_line() as (master, name):
        with reading(master) as roll:
            assert "status=no" in failure(f"escpos:serial:{name}")
        assert roll.heard == []


@pytest.mark.usefixtures("_impatient")
def test_a_serial_printer_that_cannot_answer() -> None:
    with hand_line() as (master, name):
        with reading(master) as roll:
            print_strips(f"escpos:serial:{name}?baud=115200&status=no", strip("GP1AB"))
        assert_printed(roll, strip("GP1AB"))


@pytest.mark.usefixtures("_impatient")
def test_a_serial_line_that_takes_no_more() -> None:
    """At 9600 bit/s the line alone needs half a minute for this; it is not waited for when nothing moves."""
    with hand_line() as (_, name):
        told = failure(f"escpos:serial:{name}?status=no", Image.new("1", (384, 600)))
    assert "stopped in the middle of a pass (timeout)" in told


@pytest.mark.usefixtures("_impatient")
def test_a_slow_serial_line_is_no_trouble() -> None:
    """The strip takes longer than a printer may, but it moves, and the line's rate explains it."""
    drawn = Image.new("1", (384, 3000))
    with hand_line() as (master, name):
        with reading(master, READY, pause_s=0.01) as roll:
            print_strips(f"escpos:serial:{name}?baud=9600", drawn)
        assert_printed(roll, drawn)


def test_a_serial_port_that_is_not_there(tmp_path: Path) -> None:
    told = failure(f"escpos:serial:{tmp_path}/ttyUSB0")
    assert "cannot be reached" in told
    assert "No such file" in told


def test_a_file_collects_strips(tmp_path: Path) -> None:
    path = tmp_path / "lp0"
    path.write_bytes(b"")
    print_strips(f"escpos:file:{path}", strip("GP1AB"))
    print_strips(f"escpos:file:{path}", strip("GP1CD"))
    roll = PaperRoll()
    roll.feed(path.read_bytes())
    assert_printed(roll, strip("GP1AB"), strip("GP1CD"))


def test_a_device_file_that_is_not_there_does_not_appear(tmp_path: Path) -> None:
    assert "cannot be reached (No such file" in failure(f"escpos:file:{tmp_path}/lp0")
    assert list(tmp_path.iterdir()) == []


def test_a_device_file_of_others_is_told(tmp_path: Path) -> None:
    (tmp_path / "lp0").touch(mode=0o000)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        told = failure(f"escpos:file:{tmp_path}/lp0", Image.new("1", (8, 8)))
    finally:
        os.seteuid(user)
    assert "usermod -aG lp,dialout" in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_takes_nothing() -> None:
    assert "stopped in the middle of a pass (No space left" in failure("escpos:file:/dev/full")


def test_a_fifo_is_a_printer_as_well(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lp0")
    line = os.open(tmp_path / "lp0", os.O_RDWR | os.O_NONBLOCK)
    with reading(line) as roll:
        print_strips(f"escpos:file:{tmp_path}/lp0", strip("GP1AB"))
    os.close(line)
    assert_printed(roll, strip("GP1AB"))


@pytest.mark.usefixtures("_impatient")
def test_a_device_that_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lp0")
    line = os.open(tmp_path / "lp0", os.O_RDWR | os.O_NONBLOCK)
    assert "stopped in the middle" in failure(f"escpos:file:{tmp_path}/lp0", Image.new("1", (384, 2000)))
    os.close(line)


class Bus(IBackend):  # type: ignore[misc]  # pyusb has no types
    """A USB bus with one printer on it: what libusb would be to pyusb, down to the descriptors.

    Interface 1 is the printer, interface 0 something else; the printer says `status` before and `later` after a strip.
    """

    def __init__(self, *, status: int = 0x18, later: int = 0x18, takes: int = 1 << 30) -> None:
        self.roll = PaperRoll()
        self.log: list[str] = []
        self._status, self._later, self._left = status, later, takes

    def enumerate_devices(self) -> Iterator[int]:
        yield 0

    def get_device_descriptor(self, _device: int) -> Any:
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=0x04B8,
            idProduct=0x0E15,
            bcdDevice=0x100,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            address=4,
            bus=1,
            port_number=1,
            port_numbers=(1,),
            speed=3,
        )

    def get_configuration_descriptor(self, _device: int, index: int) -> Any:
        if index:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=32,
            bNumInterfaces=2,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0xC0,
            bMaxPower=1,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, _device: int, interface: int, alternate: int, _configuration: int) -> Any:
        if interface > 1 or alternate:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=interface,
            bAlternateSetting=0,
            bNumEndpoints=2,
            bInterfaceClass=(3, 7)[interface],
            bInterfaceSubClass=1,
            bInterfaceProtocol=2,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(self, _device: int, index: int, interface: int, *_: int) -> Any:
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=(0x81, 0x03)[index] + interface,
            bmAttributes=2,
            wMaxPacketSize=64,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, device: int) -> int:
        return device

    def close_device(self, _handle: int) -> None:
        self.log.append("close")

    def get_configuration(self, _handle: int) -> int:
        return 1

    def claim_interface(self, _handle: int, interface: int) -> None:
        self.log.append(f"claim {interface}")

    def release_interface(self, _handle: int, interface: int) -> None:
        self.log.append(f"release {interface}")

    def is_kernel_driver_active(self, _handle: int, interface: int) -> bool:
        return interface == 1

    def detach_kernel_driver(self, _handle: int, interface: int) -> None:
        self.log.append(f"detach {interface}")

    def attach_kernel_driver(self, _handle: int, interface: int) -> None:
        self.log.append(f"attach {interface}")

    def bulk_write(self, _handle: int, endpoint: int, interface: int, data: "array[int]", timeout: int) -> int:
        assert (endpoint, interface) == (0x04, 1)
        assert 0 < timeout <= 5000
        self._left -= len(data)
        if self._left < 0:
            raise USBTimeoutError("Operation timed out", -7, 110)
        self.roll.feed(data.tobytes())
        return len(data)

    def ctrl_transfer(self, _handle: int, kind: int, request: int, value: int, index: int, data: Any, _ms: int) -> int:
        assert (kind, request, value, index) == (0xA1, 1, 0, 1)
        data[0] = self._later if self.roll.strips else self._status
        return 1


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a bus the one which pyusb finds."""

    def plugged(bus: Bus) -> Bus:
        monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda: bus)
        return bus

    return plugged


def test_a_usb_printer_prints_and_is_given_back(plug: Any) -> None:
    bus = plug(Bus())
    print_strips("escpos:usb:04b8:0e15", strip("GP1AB"), strip("GP1CD"))
    assert_printed(bus.roll, strip("GP1AB"), strip("GP1CD"))
    assert [line for line in bus.log if line != "close"] == ["detach 1", "claim 1", "release 1", "attach 1"]
    assert bus.log[-1] == "close"


@pytest.mark.parametrize(("status", "words"), [(0x38, "put in a new roll"), (0x08, "close its cover")])
def test_trouble_on_usb(plug: Any, status: int, words: str) -> None:
    bus = plug(Bus(status=status))
    assert words in failure("escpos:usb:04b8:0e15")
    assert bus.roll.heard == []


def test_paper_that_ends_on_usb(plug: Any) -> None:
    plug(Bus(later=0x38))
    assert "put in a new roll" in failure("escpos:usb:04b8:0e15")


def test_a_usb_printer_that_takes_no_more(plug: Any) -> None:
    plug(Bus(takes=5000))
    assert "stopped in the middle of a pass (timeout)" in failure("escpos:usb:04b8:0e15")


def test_a_usb_printer_that_is_not_plugged_in(plug: Any) -> None:
    plug(Bus())
    assert "no such USB printer" in failure("escpos:usb:04b8:0e16")


def test_usb_without_libusb(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("libusb0", "libusb1", "openusb"):
        monkeypatch.setattr(f"usb.backend.{name}.get_backend", lambda: None)
    assert "gatepost[usb]" in failure("escpos:usb:04b8:0e15")


def test_usb_without_pyusb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usb.core", None)
    assert "gatepost[usb]" in failure("escpos:usb:04b8:0e15")
