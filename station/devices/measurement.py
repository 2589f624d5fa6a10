"""What a device at the gate can say; errors are values like any other answer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from passes.errors import N_, GatepostError

Quantity: TypeAlias = Literal["surface", "body"]


class DeviceError(GatepostError):
    """A device that cannot be used as it is; the sentence names the port and the remedy."""


# Structs: thousands a second are made while noise or a recording is read, and a dataclass takes nine times as long.
class Measurement(msgspec.Struct, frozen=True, gc=False):
    """One temperature as the device said it, with no offset and no rounding.

    `quantity` says whether it is the skin's temperature or the device's own estimate of the body's. `raw` is the
    frame itself. `at_s` is in monotonic seconds: no byte of the frame had arrived before, so that a comparison with
    the moment a person stepped up never lets an older frame pass.
    """

    celsius: float
    quantity: Quantity
    ambient_celsius: float | None
    raw: bytes
    protocol: str
    at_s: float


class FaultCode(StrEnum):
    """Why bytes did not become a measurement."""

    CHECKSUM = "checksum"
    TRUNCATED = "truncated"
    OUT_OF_RANGE = "out_of_range"
    NO_MEASUREMENT = "no_measurement"
    DEVICE_ERROR = "device_error"
    SENSOR_FAULT = "sensor_fault"
    WRONG_ADDRESS = "wrong_address"


_DAMAGED = frozenset({FaultCode.CHECKSUM, FaultCode.TRUNCATED})

_SENTENCES: Final = {
    FaultCode.CHECKSUM: N_("the bytes were damaged on the way; check the cable, the plugs and the baud rate"),
    FaultCode.TRUNCATED: N_("a measurement broke off half-way; check the cable and the thermometer's power"),
    FaultCode.OUT_OF_RANGE: N_(
        "the thermometer tells what it cannot measure; check thermometer.protocol and its options in settings.toml"
    ),
    FaultCode.NO_MEASUREMENT: N_(
        "the thermometer answers and has measured nothing yet; step in front of it and wait a moment"
    ),
    FaultCode.DEVICE_ERROR: N_("the thermometer reports an error of its own; switch it off and on again"),
    FaultCode.SENSOR_FAULT: N_("the thermometer's sensor does not measure; measure by hand and have it repaired"),
    FaultCode.WRONG_ADDRESS: N_(
        "another device answered; set the address or head number in thermometer.options in settings.toml"
    ),
}


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Bytes that are no measurement, and why; `at_s` as in `Measurement`.

    `detail` is a sentence marked by `N_` that says more than the code does.
    """

    code: FaultCode
    raw: bytes
    at_s: float
    detail: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether the device speaks its protocol in full, though it has no temperature to tell."""
        return self.code not in _DAMAGED

    @property
    def sentence(self) -> str:
        """English, marked by `N_`, without fields: what happened and what to do."""
        return self.detail or _SENTENCES[self.code]


_NOT_A_NUMBER: Final = N_("the thermometer says that it has no number (nan); check the wires between sensor and board")
_SENTINELS: Final = {
    0.0: (
        FaultCode.NO_MEASUREMENT,
        N_("the thermometer says 0.00: it has measured nothing yet; wait a second, then step in front of it"),
    ),
    1037.55: (
        FaultCode.SENSOR_FAULT,
        N_("the thermometer says 1037.55: its sensor does not answer; check the wires between sensor and board"),
    ),
    -273.15: (
        FaultCode.SENSOR_FAULT,
        N_("the thermometer says -273.15: a wire to its sensor is broken or swapped; check the wiring"),
    ),
    655.35: (
        FaultCode.SENSOR_FAULT,
        N_("the thermometer says 655.35: its sensor is not connected; check the wires between sensor and board"),
    ),
}
"""What modules say in degrees Celsius when they mean something else."""

# The widest of what the supported devices can measure (MLX90614 below, Optris CT above; MLX90614 for the ambient).
# Anything else is damage that a weak checksum did not find, or the wrong protocol.
_LOWEST_CELSIUS: Final = -70.0
_HIGHEST_CELSIUS: Final = 1000.0
_LOWEST_AMBIENT_CELSIUS: Final = -40.0
_HIGHEST_AMBIENT_CELSIUS: Final = 125.0


def measured(
    celsius: float, quantity: Quantity, ambient_celsius: float | None, raw: bytes, protocol: str, at_s: float
) -> Measurement | Fault:
    """Return the measurement that these degrees Celsius are, or the fault that the number stands for."""
    if not _LOWEST_CELSIUS <= celsius <= _HIGHEST_CELSIUS or round(celsius, 2) in _SENTINELS:
        return _no_temperature(celsius, raw, at_s)
    if ambient_celsius is None or _LOWEST_AMBIENT_CELSIUS <= ambient_celsius <= _HIGHEST_AMBIENT_CELSIUS:
        return Measurement(celsius, quantity, ambient_celsius, raw, protocol, at_s)
    is_number = math.isfinite(ambient_celsius)
    return Fault(FaultCode.OUT_OF_RANGE, raw, at_s) if is_number else _no_temperature(math.nan, raw, at_s)


def _no_temperature(celsius: float, raw: bytes, at_s: float) -> Fault:
    if not math.isfinite(celsius):
        return Fault(FaultCode.SENSOR_FAULT, raw, at_s, _NOT_A_NUMBER)
    code, sentence = _SENTINELS.get(round(celsius, 2), (FaultCode.OUT_OF_RANGE, ""))
    return Fault(code, raw, at_s, sentence)


def fahrenheit_to_celsius(fahrenheit: float) -> float:
    """Return degrees Celsius to four decimals, finer than any thermometer."""
    return round((fahrenheit - 32) * 5 / 9, 4)


def hundredths(two_bytes: bytes, order: Literal["big", "little"]) -> float:
    """Return the degrees Celsius in signed hundredths; all bits set is 655.35, the sign of no sensor."""
    centi = int.from_bytes(two_bytes, order, signed=True)
    return 655.35 if centi == -1 else centi / 100


class Link(StrEnum):
    """How the line to a device is."""

    CONNECTED = "connected"
    SILENT = "silent"
    ABSENT = "absent"
    DENIED = "denied"
    BUSY = "busy"
    UNUSABLE = "unusable"


CONNECTED_SENTENCE = N_("{port}: the thermometer answers")


@dataclass(frozen=True, slots=True)
class LinkState:
    """A change in the line to a device.

    `sentence` is English with `{name}` fields, marked by `N_`, and says the remedy; `values` fill the fields.
    """

    state: Link
    sentence: str
    values: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def is_connected(self) -> bool:
        """Whether well-formed answers are coming in."""
        return self.state is Link.CONNECTED

    @property
    def trouble(self) -> DeviceError:
        """The sentence with its values, in the form that `station.i18n.explain` shows."""
        return DeviceError(self.sentence, **self.values)


DeviceEvent: TypeAlias = Measurement | Fault | LinkState


class Parser(Protocol):
    """Bytes in, frames out: one device's protocol as a machine without port, thread or clock."""

    def due(self, now_s: float) -> bytes:
        """Return what is to be written to the device at `now_s`; nothing to one that speaks by itself.

        Whoever gets a question from here sends it at once: the next one waits for its answer.
        """
        ...

    def feed(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        """Take the next bytes of the stream and return what they complete, in order.

        `now_s` is in monotonic seconds and no byte of `data` arrived before it. Empty `data` says that the line is
        idle at `now_s`. How the stream is cut into calls never changes the answer.
        """
        ...
