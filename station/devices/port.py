"""The one way to a serial port.

pyserial 3.5 is wrapped here and in `printers/wires.py` only, so that it can be replaced. Its `is_open` stays true after
an unplug: nothing asks it; a port that failed is closed and a new one is opened.
"""

import errno
import sys
from collections.abc import Iterator
from typing import Any, Final

from passes.errors import N_
from passes.plaintext import plain
from station.devices.measurement import DeviceError, Link

_IO_ERRORS: tuple[type[Exception], ...] = (OSError,)  # SerialException is one
if sys.platform != "win32":
    import termios

    _IO_ERRORS = (OSError, termios.error)
_OPEN_ERRORS = (*_IO_ERRORS, ValueError)  # pyserial's answer to an address or a rate that cannot be

TIMEOUT_S: Final = 0.1
"""How long `Port.wait` waits; a line that stays empty so long is idle by every protocol's measure."""

DRAIN_LIMIT_BYTES: Final = 4096
"""What one `Port.drain` takes at most, so that a device gone mad cannot hold its reader."""

_WRITE_TIMEOUT_S: Final = 0.2

_DENIED = N_("{port}: this user may not use it; run: sudo usermod -aG dialout $USER, then sign out and in again")
_BUSY = N_("{port}: another program holds it; close that program, then it is picked up by itself")
_MISSING = N_("{port}: no such device; check the cable, and {setting} in settings.toml")
_UNREACHABLE = N_("{port}: cannot be opened ({error}); check the cable, and {setting} in settings.toml")
_LOST = N_("{port}: the connection broke; check the cable, then it is picked up by itself")
_UNUSABLE = N_(
    "{port}: this is no serial port ({error}); write one like /dev/ttyUSB0 or COM3 as {setting} in settings.toml"
)

_KINDS: Final = {
    errno.EACCES: (Link.DENIED, _DENIED),
    errno.EPERM: (Link.DENIED, _DENIED),
    errno.EBUSY: (Link.BUSY, _BUSY),
    errno.EAGAIN: (Link.BUSY, _BUSY),  # the answer of flock() when another process holds the lock
    errno.ENOENT: (Link.ABSENT, _MISSING),
    errno.ENXIO: (Link.ABSENT, _MISSING),
    errno.ENODEV: (Link.ABSENT, _MISSING),
    errno.ENOTTY: (Link.UNUSABLE, _UNUSABLE),
    errno.EISDIR: (Link.UNUSABLE, _UNUSABLE),
    errno.ENOTDIR: (Link.UNUSABLE, _UNUSABLE),
}

_WINDOWS_KINDS: Final = {
    # Windows has no dial-out group: access is denied there because another program has the port open.
    "PermissionError(": (Link.BUSY, _BUSY),
    "FileNotFoundError(": (Link.ABSENT, _MISSING),
}


class PortError(DeviceError):
    """A port that cannot be opened or that broke; `state` says what kind of trouble it is."""

    def __init__(self, state: Link, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.state = state


class Port:
    """An open serial port at `url`: a device name (/dev/…, COM…) or what `serial.serial_for_url` knows (socket://…).

    `baud_rate` is in bit/s; 8 data bits, no parity, 1 stop bit. Held exclusively where the platform can. `setting` is
    where a user writes the address; the sentences of errors name it.
    pyserial throws away what the line had piled up before. `wait`, `drain`, `write`, `change_rate` and the
    constructor raise PortError. A port belongs to one thread.
    """

    def __init__(self, url: str, baud_rate: int, setting: str = "thermometer.port") -> None:
        from serial import serial_for_url  # on the reader's thread: a start does not wait for it

        self._url = url
        self._setting = setting
        try:
            self._serial: Any = serial_for_url(
                url, baudrate=baud_rate, timeout=TIMEOUT_S, write_timeout=_WRITE_TIMEOUT_S, exclusive=True
            )
        except _OPEN_ERRORS as error:
            raise _cannot_open(url, setting, error) from error

    def wait(self) -> bytes:
        """Return the next byte, or nothing when none has come within `TIMEOUT_S`."""
        try:
            return bytes(self._serial.read(1))
        except _IO_ERRORS as error:
            raise self._lost() from error

    def drain(self) -> bytes:
        """Return all that has arrived, without waiting, up to `DRAIN_LIMIT_BYTES`."""
        taken = bytearray()
        try:
            while len(taken) < DRAIN_LIMIT_BYTES and (count := self._serial.in_waiting):
                taken += self._serial.read(min(count, DRAIN_LIMIT_BYTES - len(taken)))
        except _IO_ERRORS as error:
            raise self._lost() from error
        return bytes(taken)

    def write(self, data: bytes) -> None:
        """Send `data`; a line that takes nothing for 0.2 seconds counts as broken."""
        try:
            self._serial.write(data)
        except _IO_ERRORS as error:
            raise self._lost() from error

    def change_rate(self, baud_rate: int) -> None:
        """Go on at another rate in bit/s; unlike opening anew, this restarts no Arduino."""
        try:
            self._serial.baudrate = baud_rate
        except _OPEN_ERRORS as error:
            raise _cannot_open(self._url, self._setting, error) from error

    def close(self) -> None:
        """Let the port go, whatever state it is in."""
        # pyserial forgets to close a socket whose other end has gone.
        connection = getattr(self._serial, "_socket", None)
        try:
            self._serial.close()
            if connection is not None:
                connection.close()
        except _IO_ERRORS:
            # A device that has been pulled out cannot be closed properly; there is nothing left to lose.
            return

    def _lost(self) -> PortError:
        return PortError(Link.ABSENT, _LOST, port=self._url)


def _cannot_open(url: str, setting: str, error: Exception) -> PortError:
    causes = list(_causes(error))
    number = next((code for cause in causes if (code := _errno(cause)) is not None), None)
    if number in _KINDS:
        state, sentence = _KINDS[number]
    elif any(isinstance(cause, ValueError | TypeError) for cause in causes):
        state, sentence = Link.UNUSABLE, _UNUSABLE
    else:
        text = str(error)
        known = (kind for name, kind in _WINDOWS_KINDS.items() if name in text)
        state, sentence = next(known, (Link.ABSENT, _UNREACHABLE))
    return PortError(state, sentence, port=url, setting=setting, error=plain(_description(causes[-1])))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _errno(error: BaseException) -> int | None:
    """Return the system's error number: pyserial drops it from some of its errors, and termios.error has no field."""
    if isinstance(error, OSError):
        return error.errno
    is_terminal_error = isinstance(error, _IO_ERRORS)
    return error.args[0] if is_terminal_error and error.args and isinstance(error.args[0], int) else None


def _description(error: BaseException) -> str:
    """Return the system's own words: OSError and termios.error carry them second."""
    if isinstance(error, TypeError):  # pyserial counts with the port number that the address lacks
        return "incomplete address"
    return str(error.args[1] if len(error.args) > 1 else error)
