"""A thermometer that is not there: real bytes over a real line, for the demo, for tests and for training.

On POSIX the line is a pseudo-terminal behind a symbolic link, as udev would name a USB device; elsewhere, or when
asked, it is a TCP server on loopback. Whoever reads it cannot tell it from a module on the desk, unplugging included.
"""

import contextlib
import errno
import os
import random
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, TypeAlias

from passes.errors import N_
from station.devices import NO_OPTIONS, PROTOCOLS, OptionValue, gy_mcu9061x
from station.devices.measurement import DeviceError
from station.devices.voices import VOICES, Say, Voice

Transport: TypeAlias = Literal["pty", "socket"]

_NOISE_CELSIUS: Final = 0.05
_COLDEST: Final = -60.0
_HOTTEST: Final = 300.0
_QUESTION_EVERY_S: Final = 0.01
"""How often a device that is asked looks whether it has been."""

_LONGEST_QUESTION_BYTES: Final = 64

_NO_LINK = N_("{path}: a simulated thermometer cannot be put there ({error}); name a path in a folder you may write to")
_NO_PORT = N_("the simulated thermometer found no port on 127.0.0.1 ({error}); close what holds it")


class Scene:
    """What is in front of the sensor, as the bytes it sends next; the same seed and calls give the same bytes."""

    def __init__(self, seed: int, ambient_celsius: float, voice: Voice | None = None) -> None:
        self._voice = VOICES[gy_mcu9061x.NAME](gy_mcu9061x.Options()) if voice is None else voice
        self._asked = b""
        self._random = random.Random(seed)  # noqa: S311 - a simulation that must be repeatable, no secret
        self._ambient_celsius = ambient_celsius
        self._object_celsius: float | None = None
        self._is_noisy = False

    def present(self, celsius: float) -> None:
        """Put a forehead of so many degrees Celsius in front; ValueError outside -60 to 300, which no frame holds."""
        if not _COLDEST <= celsius <= _HOTTEST:
            raise ValueError(f"{celsius} degrees Celsius: not between {_COLDEST} and {_HOTTEST}")
        self._object_celsius = celsius
        self._is_noisy = False

    def leave(self) -> None:
        """Leave the wall behind, at about the ambient temperature."""
        self._object_celsius = None
        self._is_noisy = False

    def noise(self) -> None:
        """Send junk, half frames and wrong checksums until somebody is presented or leaves."""
        self._is_noisy = True

    def next_bytes(self) -> bytes:
        """Return what a device that speaks by itself sends next."""
        return self._said(self._voice.say)

    def answer(self, received: bytes) -> bytes:
        """Return what a device that is asked replies to the questions in `received`, a stream in pieces."""
        self._asked += received
        replies = b""
        while found := [(at, said) for said in self._voice.answers if (at := self._asked.find(said)) >= 0]:
            at, question = min(found)
            self._asked = self._asked[at + len(question) :]
            replies += self._said(self._voice.answers[question])
        self._asked = self._asked[-_LONGEST_QUESTION_BYTES:]
        return replies

    def next_pause_s(self) -> float:
        """Return the seconds until a device that speaks by itself does, or until one that is asked looks again."""
        return _QUESTION_EVERY_S if self.is_asked else 1 / self._random.uniform(*self._voice.rate_hz)

    @property
    def is_asked(self) -> bool:
        """Whether the device speaks only when it is asked."""
        return bool(self._voice.answers)

    def _said(self, say: Say) -> bytes:
        seen = self._ambient_celsius if self._object_celsius is None else self._object_celsius
        said = say(self._wobble(seen), self._wobble(self._ambient_celsius))
        return self._spoil(said) if self._is_noisy else said

    def _wobble(self, celsius: float) -> float:
        return celsius + self._random.uniform(-_NOISE_CELSIUS, _NOISE_CELSIUS)

    def _spoil(self, frame: bytes) -> bytes:
        kind = self._random.choice(("junk", "half", "checksum"))
        if kind == "junk":
            return self._random.randbytes(self._random.randint(1, 24))
        if kind == "half":
            return frame[: self._random.randint(1, len(frame) - 1)]
        return frame[:-1] + bytes([frame[-1] ^ self._random.randint(1, 255)])


class _Line(Protocol):
    """Where the bytes go; what nobody reads is lost, as on a wire."""

    url: str

    def plug(self) -> None: ...
    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...
    def unplug(self) -> None: ...


class _PtyLine:
    """A pseudo-terminal behind a symbolic link; every plug makes another one."""

    def __init__(self, link: Path) -> None:
        self.url = str(link)
        self._link = link
        self._master: int | None = None
        self._slave: int | None = None

    def plug(self) -> None:
        if sys.platform != "win32":
            import tty

            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            if os.path.lexists(self._link) and not self._link.is_symlink():
                raise FileExistsError(errno.EEXIST, "a file of this name exists")
            # The new name appears whole: a link beside it is moved over it.
            beside = self._link.with_name(f"{self._link.name}.{os.getpid()}")
            beside.unlink(missing_ok=True)
            beside.symlink_to(os.ttyname(self._slave))
            beside.replace(self._link)

    def send(self, data: bytes) -> None:
        if self._master is not None:
            # A full buffer: nobody has read for half a minute.
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    def receive(self) -> bytes:
        if self._master is not None:
            with contextlib.suppress(BlockingIOError):
                return os.read(self._master, 4096)
        return b""

    def unplug(self) -> None:
        if self._link.is_symlink():
            self._link.unlink()
        for descriptor in (self._master, self._slave):
            if descriptor is not None:
                os.close(descriptor)
        self._master = self._slave = None


class _SocketLine:
    """A TCP server on loopback for one reader; the port stays the same from plug to plug."""

    def __init__(self) -> None:
        self._port = 0
        self._listener: socket.socket | None = None
        self._reader: socket.socket | None = None
        self.url = ""

    def plug(self) -> None:
        listener = socket.socket()
        if sys.platform != "win32":  # there the option would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._port))
            listener.listen(1)
        except OSError:
            listener.close()
            raise
        listener.settimeout(0)
        self._listener = listener
        self._port = listener.getsockname()[1]
        self.url = f"socket://127.0.0.1:{self._port}"

    def send(self, data: bytes) -> None:
        self._pick_up()
        if self._reader is not None:
            try:
                self._reader.send(data)
            except BlockingIOError:
                return
            except OSError:  # the reader has gone
                self._hang_up()

    def receive(self) -> bytes:
        self._pick_up()
        if self._reader is not None:
            try:
                return self._reader.recv(4096)
            except BlockingIOError:
                return b""
            except OSError:
                self._hang_up()
        return b""

    def _pick_up(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(BlockingIOError):
                newer, _ = self._listener.accept()
                newer.settimeout(0)
                self._hang_up()
                self._reader = newer

    def unplug(self) -> None:
        self._hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _hang_up(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class SimulatedThermometer:
    """A thermometer of any protocol with nobody in front, plugged in; by itself a GY-MCU9061x that pushes.

    `link` is the path of the symbolic link to its pseudo-terminal; its folder must exist. Without `link`, on Windows
    and with `transport="socket"` it is reached by TCP on loopback instead. Temperatures are in degrees Celsius and
    wobble by 0.05. Raises DeviceError when the line cannot be made, OptionError for options the protocol lacks.
    """

    def __init__(
        self,
        link: Path | None = None,
        *,
        seed: int = 0,
        ambient_celsius: float = 24.0,
        transport: Transport | None = None,
        protocol: str = gy_mcu9061x.NAME,
        options: Mapping[str, OptionValue] = NO_OPTIONS,
    ) -> None:
        self._scene = Scene(seed, ambient_celsius, VOICES[protocol](PROTOCOLS[protocol].read_options(options)))
        is_pty = link is not None and transport != "socket" and sys.platform != "win32"
        self._line: _Line = _PtyLine(link) if link is not None and is_pty else _SocketLine()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._is_plugged = False
        self.replug()
        self._thread = threading.Thread(target=self._run, name="simulated-thermometer", daemon=True)
        self._thread.start()

    def __enter__(self) -> "SimulatedThermometer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What to write as `thermometer.port`; stays the same when it is unplugged and replugged."""
        return self._line.url

    def present(self, celsius: float) -> None:
        """Put a forehead of so many degrees Celsius in front of the sensor."""
        with self._lock:
            self._scene.present(celsius)

    def leave(self) -> None:
        """Leave nobody in front: the sensor sees the wall, at about the ambient temperature."""
        with self._lock:
            self._scene.leave()

    def noise(self) -> None:
        """Send junk, half frames and wrong checksums until somebody is presented or leaves."""
        with self._lock:
            self._scene.noise()

    def unplug(self) -> None:
        """Pull the cable: the device is gone from the system; does nothing when it is out."""
        with self._lock:
            if self._is_plugged:
                self._is_plugged = False
                self._line.unplug()

    def replug(self) -> None:
        """Put the cable back in; does nothing when it is in. Raises DeviceError when the line cannot be made."""
        with self._lock:
            if self._is_plugged:
                return
            try:
                self._line.plug()
            except OSError as error:
                self._line.unplug()
                sentence = _NO_LINK if isinstance(self._line, _PtyLine) else _NO_PORT
                raise DeviceError(sentence, path=self.url, error=error.strerror or error) from error
            self._is_plugged = True

    def stop(self) -> None:
        """Unplug and end; may be called twice."""
        self._stopped.set()
        self._thread.join()
        self.unplug()

    def _run(self) -> None:
        while True:
            with self._lock:
                pause_s = self._scene.next_pause_s()
            if self._stopped.wait(pause_s):
                return
            with self._lock:
                if self._is_plugged:
                    asked = self._scene.is_asked
                    data = self._scene.answer(self._line.receive()) if asked else self._scene.next_bytes()
                    if data:
                        self._line.send(data)
