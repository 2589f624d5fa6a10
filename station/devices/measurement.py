"""What a device at the gate can say; errors are values like any other answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from passes.errors import N_, GatepostError

Quantity: TypeAlias = Literal["surface", "body"]


class DeviceError(GatepostError):
    """A device that cannot be used as it is; the sentence names the port and the remedy."""


@dataclass(frozen=True, slots=True)
class Measurement:
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


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes that are no measurement, and why; `at_s` as in `Measurement`."""

    code: FaultCode
    raw: bytes
    at_s: float

    @property
    def is_answer(self) -> bool:
        """Whether the device speaks its protocol in full, though it has no temperature to tell."""
        return self.code not in _DAMAGED


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

    def feed(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        """Take the next bytes of the stream and return what they complete, in order.

        `now_s` is in monotonic seconds and no byte of `data` arrived before it. Empty `data` says that the line is
        idle at `now_s`. How the stream is cut into calls never changes the answer.
        """
        ...
