"""The port: what it reads, and the one sentence for everything that can be wrong with it."""

import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from station.devices import port as port_module
from station.devices.measurement import Link
from station.devices.port import DRAIN_LIMIT_BYTES, Port, PortError
from tests.devices.listening import hand_line

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither pseudo-terminals nor file modes")


def refused(url: str, baud_rate: int = 115200) -> PortError:
    with pytest.raises(PortError) as caught:
        Port(url, baud_rate)
    assert "{" not in str(caught.value)
    assert str(caught.value).startswith(f"{url}: ")
    return caught.value


def test_what_is_written_comes_back_over_a_loop() -> None:
    port = Port("loop://", 115200)
    port.write(b"\x5a\x5a\x45")
    assert port.wait() == b"\x5a"
    assert port.drain() == b"\x5a\x45"
    assert port.drain() == b""
    assert port.wait() == b""
    port.close()
    port.close()


@posix
def test_old_bytes_are_thrown_away_when_opening() -> None:
    with hand_line() as (master, name):
        os.write(master, b"of the person before")
        port = Port(name, 115200)
        os.write(master, b"new")
        assert port.wait() + port.drain() == b"new"
        port.close()


@posix
def test_one_drain_is_bounded() -> None:
    with hand_line() as (master, name):
        port = Port(name, 115200)
        os.set_blocking(master, False)
        with contextlib.suppress(BlockingIOError):  # as much as the terminal takes
            for _ in range(4096):
                os.write(master, bytes(512))
        assert port.wait() == b"\0"
        assert 0 < len(port.drain()) <= DRAIN_LIMIT_BYTES
        port.close()


@posix
def test_a_port_that_another_program_holds_is_busy() -> None:
    with hand_line() as (_, name):
        holder = Port(name, 115200)
        error = refused(name)
        assert error.state is Link.BUSY
        assert "another program" in str(error)
        holder.close()
        Port(name, 115200).close()


def test_a_port_that_is_not_there_is_absent(tmp_path: Path) -> None:
    error = refused(str(tmp_path / "ttyUSB0"))
    assert error.state is Link.ABSENT
    assert "check the cable" in str(error)


@contextmanager
def without_rights() -> Iterator[None]:
    """Be a user who may not do everything, also when the tests run as root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@posix
def test_a_port_without_permission_is_denied(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch(mode=0o000)
    with without_rights():
        error = refused(str(device))
    assert error.state is Link.DENIED
    assert "usermod -aG dialout" in str(error)


@posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_port_is_unusable(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    path.touch() if kind == "file" else path.mkdir()
    error = refused(str(path))
    assert error.state is Link.UNUSABLE
    assert "thermometer.port in settings.toml" in str(error)


@pytest.mark.parametrize("url", ["carrier-pigeon://roof", "socket://127.0.0.1:99999", "socket://127.0.0.1", "a\0b"])
def test_an_address_that_cannot_be_is_unusable(url: str) -> None:
    assert refused(url).state is Link.UNUSABLE


def test_nobody_at_the_address_is_absent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number = listener.getsockname()[1]
        error = refused(f"socket://127.0.0.1:{number}")
    assert error.state is Link.ABSENT
    assert os.strerror(errno.ECONNREFUSED) in str(error) or sys.platform == "win32"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)", Link.BUSY),
        ("could not open port 'COM3': FileNotFoundError(2, 'The system cannot find the file', None, 2)", Link.ABSENT),
        (
            "could not open port 'COM3': OSError(22, 'The semaphore timeout period has expired.', None, 121)",
            Link.ABSENT,
        ),
    ],
)
def test_what_windows_tells_in_words_only(told: str, state: Link) -> None:
    error = port_module._cannot_open("COM3", "thermometer.port", serial.SerialException(told))
    assert error.state is state


@posix
def test_an_unplugged_port_is_lost() -> None:
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    port = Port(os.ttyname(slave), 115200)
    os.close(slave)
    os.close(master)
    for use in (port.wait, port.drain, lambda: port.write(b"x")):
        with pytest.raises(PortError) as caught:
            use()
        assert caught.value.state is Link.ABSENT
        assert "the connection broke" in str(caught.value)
    port.close()


@pytest.mark.parametrize("is_abrupt", [False, True])
def test_a_socket_whose_other_end_left_is_closed_without_a_leak(is_abrupt: bool) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = Port(f"socket://127.0.0.1:{listener.getsockname()[1]}", 115200)
        other, _ = listener.accept()
        if is_abrupt:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()
    with pytest.raises(PortError):
        port.wait()
    # A socket left open is a ResourceWarning, and a warning fails the test.
    port.close()
