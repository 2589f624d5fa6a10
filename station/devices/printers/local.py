"""Strip printers on this machine's own bus: a device file, or USB without a driver of the system."""

import errno
import os
import sys
from contextlib import suppress
from typing import Any, Final

from passes.errors import N_
from passes.plaintext import plain
from station.devices.printers.address import Address
from station.devices.printers.job import Deadline, PrinterError
from station.devices.printers.wires import Condition

_LPGETSTATUS: Final = 0x060B
"""Linux's request for a printer's status byte, from linux/lp.h."""

_GET_PORT_STATUS: Final = 1
_FROM_INTERFACE: Final = 0xA1
_PRINTER_CLASS: Final = 7
_USB_PIECE_BYTES: Final = 4096

_NO_PYUSB = N_(
    "{printer}: printing straight to USB needs pyusb and libusb ({error});"
    " run: pip install 'gatepost[usb]', or print by escpos:file: or windows:"
)


def _condition(status: int) -> Condition:
    """Read the status byte of a parallel port, which USB printers have as well (USB printer class 1.1, 4.2.2)."""
    if status & 0x20:
        return Condition.PAPER_OUT
    return Condition.READY if status & 0x18 == 0x18 else Condition.OFF_LINE


class FileWire:
    """A device file such as /dev/usb/lp0, or a file that collects what would be printed.

    It has to exist: the file of a printer that is off is not there, and must not become an ordinary one.
    """

    has_to_answer = False

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND
        for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, name, 0)
        self._file = os.open(path, flags)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Write all of `data`."""
        rest = memoryview(data)
        while rest:
            self._wait(deadline)
            with suppress(BlockingIOError):
                rest = rest[os.write(self._file, rest[:_USB_PIECE_BYTES]) :]

    def condition(self, deadline: Deadline, patience_s: float, strays: int = 0) -> Condition:  # noqa: ARG002 - no wire
        """Ask the system's driver; an ordinary file has none and is SILENT."""
        if sys.platform == "win32":
            return Condition.SILENT
        import fcntl

        try:
            answer = fcntl.ioctl(self._file, _LPGETSTATUS, bytes(4))
        except OSError as error:
            if error.errno in {errno.ENOTTY, errno.EINVAL, errno.ENOSYS}:
                return Condition.SILENT
            raise
        return _condition(int.from_bytes(answer, sys.byteorder))

    def settle(self, deadline: Deadline) -> None:
        """Wait until the driver would take more, which is when it has handed over the last of it."""
        self._wait(deadline)

    def close(self, *, is_done: bool) -> None:  # noqa: ARG002 - the system's driver drops what it has not sent
        """Let the file go."""
        os.close(self._file)

    def _wait(self, deadline: Deadline) -> None:
        if sys.platform == "win32":
            deadline.left_s()
            return
        import select

        watch = select.poll()
        watch.register(self._file, select.POLLOUT)
        if not watch.poll(deadline.left_s() * 1000):
            raise TimeoutError


class UsbWire:
    """A printer's bulk endpoint, by pyusb; on Linux the system's own driver is put back afterwards."""

    has_to_answer = False

    def __init__(self, address: Address, deadline: Deadline) -> None:
        vendor, product = address.usb_ids
        try:
            devices = usb_printers(idVendor=vendor, idProduct=product)
        except (ImportError, ValueError) as error:  # pyusb's NoBackendError is a ValueError
            raise PrinterError(_NO_PYUSB, printer=address.text, error=plain(str(error))) from error
        if not devices:
            raise OSError(errno.ENODEV, "no such USB printer")
        deadline.left_s()
        self._device, self._interface, self._out = devices[0]
        self._was_driven = False
        with suppress(NotImplementedError):  # Windows has nothing to detach
            self._was_driven = self._device.is_kernel_driver_active(self._interface)
        if self._was_driven:
            self._device.detach_kernel_driver(self._interface)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Write all of `data`; a transfer ends when the printer has taken it."""
        for start in range(0, len(data), _USB_PIECE_BYTES):
            piece = data[start : start + _USB_PIECE_BYTES]
            if self._device.write(self._out, piece, _ms(deadline.left_s())) != len(piece):
                raise TimeoutError

    def condition(self, deadline: Deadline, patience_s: float, strays: int = 0) -> Condition:  # noqa: ARG002 - own way
        """Ask for the port status of the printer class, which every USB printer answers."""
        timeout_ms = _ms(min(deadline.left_s(), patience_s))
        try:
            answer = self._device.ctrl_transfer(_FROM_INTERFACE, _GET_PORT_STATUS, 0, self._interface, 1, timeout_ms)
        except OSError as error:
            if error.errno in {errno.ETIMEDOUT, errno.EPIPE}:  # a pipe error is how a device refuses a request
                return Condition.SILENT
            raise
        return _condition(answer[0]) if len(answer) else Condition.SILENT

    def settle(self, deadline: Deadline) -> None:
        """Nothing is under way once `send` has returned."""

    def close(self, *, is_done: bool) -> None:  # noqa: ARG002 - no transfer outlives its call
        """Let the device go and give it back to the system."""
        import usb.util

        with suppress(OSError):
            usb.util.dispose_resources(self._device)
        if self._was_driven:
            with suppress(OSError):
                self._device.attach_kernel_driver(self._interface)
            usb.util.dispose_resources(self._device)


def usb_printers(**wanted: int) -> list[tuple[Any, int, int]]:
    """Return each USB printer (pyusb's device) with its interface's number and its bulk endpoint to write to.

    `wanted` narrows it down: `idVendor`, `idProduct`. Raises ImportError without pyusb, ValueError without libusb.
    """
    import usb.core

    backend = None
    if sys.platform == "win32":
        import libusb_package

        backend = libusb_package.get_libusb1_backend()
    return [
        (device, interface.bInterfaceNumber, endpoint.bEndpointAddress)
        for device in usb.core.find(find_all=True, backend=backend, **wanted)
        for configuration in device
        for interface in configuration
        if interface.bInterfaceClass == _PRINTER_CLASS
        for endpoint in interface
        if endpoint.bEndpointAddress & 0x80 == 0 and endpoint.bmAttributes & 3 == 2  # out, bulk
    ]


def _ms(seconds: float) -> int:
    # 0 would be "for ever".
    return max(1, int(seconds * 1000))
