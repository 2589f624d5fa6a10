"""A thermometer that is not there: real bytes over a real line, for the demo, for tests and for training.

On POSIX the line is a pseudo-terminal behind a symbolic link, as udev would name a USB device; elsewhere, or when
asked, it is a TCP server on loopback. Whoever reads it cannot tell it from a module on the desk, unplugging included.
"""

import random
import threading
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Final

from station.devices import NO_OPTIONS, PROTOCOLS, OptionValue, gy_mcu9061x
from station.devices.simulated_line import Transport, make_line
from station.devices.voices import VOICES, Say, Voice

_NOISE_CELSIUS: Final = 0.05
COLDEST: Final = -60.0
HOTTEST: Final = 300.0
_QUESTION_EVERY_S: Final = 0.01
"""How often a device that is asked looks whether it has been."""

_LONGEST_QUESTION_BYTES: Final = 64


class _Manner(Enum):
    PLAIN = auto()
    NOISY = auto()
    STUCK = auto()
    SILENT = auto()


class Scene:
    """What is in front of the sensor, as the bytes it sends next; the same seed and calls give the same bytes."""

    def __init__(self, seed: int, ambient_celsius: float, voice: Voice | None = None) -> None:
        self._voice = VOICES[gy_mcu9061x.NAME](gy_mcu9061x.Options()) if voice is None else voice
        self._asked = b""
        self._random = random.Random(seed)  # noqa: S311 - a simulation that must be repeatable, no secret
        self._ambient_celsius = ambient_celsius
        self._object_celsius: float | None = None
        self._manner = _Manner.PLAIN
        self._last_said: dict[bytes, bytes] = {}

    def present(self, celsius: float) -> None:
        """Put a forehead of so many degrees Celsius in front; ValueError outside -60 to 300, which no frame holds."""
        if not COLDEST <= celsius <= HOTTEST:
            raise ValueError(f"{celsius} degrees Celsius: not between {COLDEST} and {HOTTEST}")
        self._object_celsius = celsius
        self._manner = _Manner.PLAIN

    def leave(self) -> None:
        """Leave the wall behind, at about the ambient temperature."""
        self._object_celsius = None
        self._manner = _Manner.PLAIN

    def noise(self) -> None:
        """Send junk, half frames and wrong checksums until somebody is presented or leaves."""
        self._manner = _Manner.NOISY

    def stick(self) -> None:
        """Say the very same again and again, as a module that hangs does, until somebody is presented or leaves."""
        self._manner = _Manner.STUCK

    def fall_silent(self) -> None:
        """Say nothing, as without power, until somebody is presented or leaves."""
        self._manner = _Manner.SILENT

    def next_bytes(self) -> bytes:
        """Return what a device that speaks by itself sends next."""
        return self._said(self._voice.say, b"")

    def answer(self, received: bytes) -> bytes:
        """Return what a device that is asked replies to the questions in `received`, a stream in pieces."""
        self._asked += received
        replies = b""
        while heard := self._voice.hear(self._asked):
            question, say, self._asked = heard
            replies += self._said(say, question)
        self._asked = self._asked[-_LONGEST_QUESTION_BYTES:]
        return replies

    def next_pause_s(self) -> float:
        """Return the seconds until a device that speaks by itself does, or until one that is asked looks again."""
        return _QUESTION_EVERY_S if self.is_asked else 1 / self._random.uniform(*self._voice.rate_hz)

    @property
    def is_asked(self) -> bool:
        """Whether the device speaks only when it is asked."""
        return self._voice.is_asked

    def _said(self, say: Say, question: bytes) -> bytes:
        if self._manner is _Manner.SILENT:
            return b""
        if self._manner is _Manner.STUCK and question in self._last_said:
            return self._last_said[question]
        seen = self._ambient_celsius if self._object_celsius is None else self._object_celsius
        said = say(self._wobble(seen), self._wobble(self._ambient_celsius))
        self._last_said[question] = said
        return self._spoil(said) if self._manner is _Manner.NOISY else said

    def _wobble(self, celsius: float) -> float:
        return celsius + self._random.uniform(-_NOISE_CELSIUS, _NOISE_CELSIUS)

    def _spoil(self, frame: bytes) -> bytes:
        kind = self._random.choice(("junk", "half", "checksum"))
        if kind == "junk":
            return self._random.randbytes(self._random.randint(1, 24))
        if kind == "half":
            return frame[: self._random.randint(1, len(frame) - 1)]
        return frame[:-1] + bytes([frame[-1] ^ self._random.randint(1, 255)])


class SimulatedThermometer:
    """A thermometer of any protocol with nobody in front, plugged in; by itself a GY-MCU9061x that pushes.

    `link` is the path of the symbolic link to its pseudo-terminal; its folder must exist. Without `link`, on Windows
    and with `transport="socket"` it is reached by TCP on loopback instead, at `port` or any. Temperatures are in
    degrees Celsius and wobble by 0.05. Raises DeviceError when the line cannot be made, OptionError for options the
    protocol lacks.
    """

    def __init__(
        self,
        link: Path | None = None,
        *,
        seed: int = 0,
        ambient_celsius: float = 24.0,
        transport: Transport | None = None,
        port: int = 0,
        protocol: str = gy_mcu9061x.NAME,
        options: Mapping[str, OptionValue] = NO_OPTIONS,
    ) -> None:
        self._scene = Scene(seed, ambient_celsius, VOICES[protocol](PROTOCOLS[protocol].read_options(options)))
        self._line = make_line(link, transport, port)
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

    def stick(self) -> None:
        """Say the very same again and again until somebody is presented or leaves."""
        with self._lock:
            self._scene.stick()

    def fall_silent(self) -> None:
        """Say nothing until somebody is presented or leaves."""
        with self._lock:
            self._scene.fall_silent()

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
            self._line.plug()
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
