"""The line to a device that is not there: a pseudo-terminal behind a symbolic link, or a TCP server on loopback.

What nobody reads is lost, as on a wire. Whoever reads cannot tell it from a cable, unplugging included.
"""

import contextlib
import errno
import os
import socket
import sys
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from passes.errors import N_
from station.devices.measurement import DeviceError

Transport: TypeAlias = Literal["pty", "socket"]

_HOST: Final = "127.0.0.1"
_READ_BYTES: Final = 4096

_NO_LINK = N_("{path}: a simulated device cannot be put there ({error}); name a path in a folder you may write to")
_NO_PORT = N_("a simulated device cannot have port {port} of 127.0.0.1 ({error}); take another one, or 0 for any")


class Line(Protocol):
    """Where the bytes go; `url` is what a reader opens, the same from plug to plug."""

    url: str

    def plug(self) -> None:
        """Be there; raises DeviceError when that cannot be."""
        ...

    def send(self, data: bytes) -> None:
        """Send to whoever reads, without waiting."""
        ...

    def receive(self) -> bytes:
        """Return what has come from whoever reads, without waiting."""
        ...

    def unplug(self) -> None:
        """Be gone; may be called twice."""
        ...


def make_line(link: Path | None, transport: Transport | None = None, port: int = 0) -> Line:
    """Return a line that is not plugged in yet: a pseudo-terminal behind `link`, else TCP at `port`, 0 for any.

    On Windows, which has no pseudo-terminals, it is always TCP.
    """
    if link is not None and transport != "socket" and sys.platform != "win32":
        return PtyLine(link)
    return SocketLine(port)


class PtyLine:
    """A pseudo-terminal behind a symbolic link; every plug makes another one. POSIX only."""

    def __init__(self, link: Path) -> None:
        self.url = str(link)
        self._link = link
        self._descriptors: list[int] = []
        self._name = ""

    def plug(self) -> None:
        """Make a pseudo-terminal and point the link at it; a link of that name is replaced, a file never."""
        try:
            self._plug()
        except OSError as error:
            self.unplug()
            raise DeviceError(_NO_LINK, path=self.url, error=error.strerror or error) from error

    def _plug(self) -> None:
        if sys.platform == "win32":
            raise OSError(errno.ENOSYS, "Windows has no pseudo-terminals")
        import tty

        self._descriptors = list(os.openpty())
        master, slave = self._descriptors
        tty.setraw(slave)
        os.set_blocking(master, False)
        if os.path.lexists(self._link) and not self._link.is_symlink():
            raise FileExistsError(errno.EEXIST, "a file of this name exists")
        self._name = os.ttyname(slave)
        # The new name appears whole: a link beside it is moved over it.
        beside = self._link.with_name(f"{self._link.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(self._name)
        beside.replace(self._link)

    def send(self, data: bytes) -> None:
        """Send to whoever reads; a buffer that is full, since nobody has for half a minute, takes no more."""
        if self._descriptors:
            with contextlib.suppress(BlockingIOError):
                os.write(self._descriptors[0], data)

    def receive(self) -> bytes:
        """Return what has come."""
        if self._descriptors:
            with contextlib.suppress(BlockingIOError):
                return os.read(self._descriptors[0], _READ_BYTES)
        return b""

    def unplug(self) -> None:
        """Take the link away, if no other program has put its own there, and close the terminal."""
        with contextlib.suppress(OSError):
            if self._name and str(self._link.readlink()) == self._name:
                self._link.unlink()
        self._name = ""
        while self._descriptors:
            os.close(self._descriptors.pop())


class SocketLine:
    """A TCP server on loopback for one reader, the newest; `port` stays the same from plug to plug, 0 is any."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._listener: socket.socket | None = None
        self._reader: socket.socket | None = None
        self.url = ""

    def plug(self) -> None:
        """Begin to listen."""
        listener = socket.socket()
        try:
            if sys.platform != "win32":  # there the option would let two programs share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((_HOST, self._port))
            listener.listen(1)
        except OSError as error:
            listener.close()
            raise DeviceError(_NO_PORT, port=self._port, error=error.strerror or error) from error
        listener.settimeout(0)
        self._listener = listener
        self._port = listener.getsockname()[1]
        self.url = f"socket://{_HOST}:{self._port}"

    def send(self, data: bytes) -> None:
        """Send to the reader, if there is one."""
        self._pick_up()
        if self._reader is not None:
            try:
                self._reader.send(data)
            except BlockingIOError:
                return
            except OSError:  # the reader has gone
                self._hang_up()

    def receive(self) -> bytes:
        """Return what the reader has sent."""
        self._pick_up()
        if self._reader is not None:
            try:
                return self._reader.recv(_READ_BYTES)
            except BlockingIOError:
                return b""
            except OSError:
                self._hang_up()
        return b""

    def unplug(self) -> None:
        """Hang up and listen no more."""
        self._hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _pick_up(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(BlockingIOError):
                newer, _ = self._listener.accept()
                newer.settimeout(0)
                self._hang_up()
                self._reader = newer

    def _hang_up(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
