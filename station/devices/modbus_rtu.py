"""Modbus RTU: Calex PyroUSB and PyroMiniBus, Omega OS-MINI and other industrial sensors.

Reads holding (03) or input (04) registers; a reply is `address function count data… CRC`, its CRC-16 (polynomial A001)
low byte first (MODBUS over Serial Line V1.02, 2.5.1.2). Calex: register 12 hex is the filtered temperature in tenths,
signed, 15 hex the status; both are read by one request, `01 04 00 12 00 04 51 CC`, so that the status belongs to the
value. Example of a reply with the value alone: `01 04 02 01 6E 39 4C` is 36.6. Makers differ in register, scale, width
and word order: those are options. The frames are few and fixed, and a library would bring its own port and clock.
"""

import functools
import re
import struct
from typing import Annotated, Final, Literal

import msgspec

from passes.errors import N_
from station.devices.frames import Frames
from station.devices.measurement import Fault, FaultCode, Measurement, measured
from station.devices.polling import Poll

NAME: Final = "modbus-rtu"
BAUD_RATES: Final = (9600, 19200, 38400, 115200)
WINDOW_S: Final = 2.0

_EVERY_S: Final = 0.1
_FORMATS: Final = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
_NO_STATUS: Final = -1
_MOST_REGISTERS: Final = 32
_EXCEPTION: Final = 0x80

_REFUSED: Final = {
    1: N_("the sensor does not know this way of reading (Modbus exception 1); set function = 3 or 4 in its options"),
    2: N_(
        "the sensor has no such register (Modbus exception 2); set register, status_register and format in its options"
    ),
}

Register = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the value stands: the defaults are Calex's.

    The temperature in degrees Celsius is `scale` times the number of `format` at `register`; `word_order` is that of
    a number in two registers. A `status_register` that is not 0 is a fault of the sensor; -1: it has none.
    """

    address: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    function: Literal[3, 4] = 4
    register: Register = 0x12
    format: Literal["int16", "uint16", "int32", "uint32", "float32"] = "int16"
    word_order: Literal["big", "little"] = "big"
    scale: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.1
    status_register: Annotated[int, msgspec.Meta(ge=_NO_STATUS, le=0xFFFF)] = 0x15

    def __post_init__(self) -> None:
        """Raise ValueError for a status too far from its value to be read with it."""
        if self.count > _MOST_REGISTERS:
            raise ValueError(f"status_register is more than {_MOST_REGISTERS} registers away from register")
        if self.first + self.count > 0x10000:
            raise ValueError("the last register is 65535")

    @property
    def value_bytes(self) -> int:
        """How many bytes the number takes."""
        return struct.calcsize(_FORMATS[self.format])

    @property
    def has_status(self) -> bool:
        """Whether the sensor tells a status."""
        return self.status_register != _NO_STATUS

    @property
    def first(self) -> int:
        """The first register of the request."""
        return min(self.register, self.status_register) if self.has_status else self.register

    @property
    def count(self) -> int:
        """How many registers one request reads."""
        last = max(self.register + self.value_bytes // 2 - 1, self.status_register)
        return last - self.first + 1


def with_crc(body: bytes) -> bytes:
    """Return `body` with the two bytes of its CRC-16 behind it."""
    return body + _crc16(body).to_bytes(2, "little")


def number(celsius: float, options: Options) -> bytes:
    """Return the bytes in which a sensor with these options holds `celsius`, or the nearest that the format can."""
    scaled, bits = celsius / options.scale, 8 * options.value_bytes
    if options.format == "float32":
        packed = struct.pack(">f", scaled)
    else:
        lowest = 0 if options.format.startswith("u") else -(1 << bits - 1)
        packed = struct.pack(_FORMATS[options.format], min(max(round(scaled), lowest), lowest + (1 << bits) - 1))
    return _in_word_order(packed, options)


def request(options: Options) -> bytes:
    """Return the 8 bytes that ask for value and status."""
    return with_crc(struct.pack(">BBHH", options.address, options.function, options.first, options.count))


class ModbusRtu(Frames):
    """The parser of the replies; holds less than one frame between calls."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._layouts = {2 * options.count: 2 * (options.register - options.first), options.value_bytes: 0}
        """Where the value begins, by how many bytes of data come: the whole range, or the value alone."""
        function = bytes([options.function]), bytes([options.function | _EXCEPTION])
        counts = b"".join(re.escape(bytes([count])) for count in self._layouts)
        header = [rb"[\x01-\xf7]", b"[" + b"".join(function) + b"]", rb"[\x01-\x0b" + counts + b"]"]
        super().__init__(header, Poll(request(options), _EVERY_S))

    def frame_bytes(self, stream: bytes, start: int) -> int:
        """Return 5 for an exception, else what the count says."""
        return 5 if stream[start + 1] & _EXCEPTION else 5 + stream[start + 2]

    def decode(self, frame: bytes, at_s: float) -> Measurement | Fault | None:
        """Check length, CRC and address, then read the value."""
        is_exception = bool(frame[1] & _EXCEPTION)
        if not is_exception and frame[2] not in self._layouts:
            return None
        is_ours = frame[0] == self._options.address
        if _crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            # With another address in front it is more likely no frame at all.
            return Fault(FaultCode.CHECKSUM, frame, at_s) if is_ours else None
        if not is_ours:
            return Fault(FaultCode.WRONG_ADDRESS, frame, at_s)
        if is_exception:
            return Fault(FaultCode.DEVICE_ERROR, frame, at_s, _REFUSED.get(frame[2], ""))
        return self._value(frame, at_s)

    def _value(self, frame: bytes, at_s: float) -> Measurement | Fault:
        options, data = self._options, frame[3:-2]
        if options.has_status and len(data) == 2 * options.count:
            start = 2 * (options.status_register - options.first)
            if any(data[start : start + 2]):
                return Fault(FaultCode.SENSOR_FAULT, frame, at_s)
        start = self._layouts[len(data)]
        (value,) = struct.unpack(
            _FORMATS[options.format], _in_word_order(data[start : start + options.value_bytes], options)
        )
        # 373 * 0.1 is not 37.3 in binary.
        return measured(round(value * options.scale, 4), "surface", None, frame, NAME, at_s)


def _in_word_order(packed: bytes, options: Options) -> bytes:
    return packed[2:] + packed[:2] if options.word_order == "little" else packed


def _crc16(data: bytes) -> int:
    table, crc = _crc_table(), 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


@functools.cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)
