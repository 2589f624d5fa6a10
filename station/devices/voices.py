"""What each thermometer says, as bytes: the other side of the parsers, for simulated devices and measurements."""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from station.devices import gy_614v, gy_mcu9061x, heimann_calct, idc_50, modbus_rtu, optris, raytek, text

Say: TypeAlias = Callable[[float, float], bytes]
"""From object and ambient temperature in degrees Celsius to bytes."""

_BODY_ABOVE_SKIN_CELSIUS: Final = 0.4
_MLX_HZ: Final = (10.0, 14.0)
_MOST_AT_ONCE: Final = 125
"""Registers that one Modbus answer may hold."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How a device speaks: `say` by itself with a rate within `rate_hz`, or to the `answers`, one for each question.

    A device with too many questions for that has `request`, what they look like, and `reply`, None to what is none.
    """

    say: Say
    rate_hz: tuple[float, float] = _MLX_HZ
    answers: Mapping[bytes, Say] = field(default_factory=dict)
    request: re.Pattern[bytes] | None = None
    reply: Callable[[bytes], Say | None] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether the device speaks only when it is asked."""
        return bool(self.answers) or self.request is not None

    def hear(self, stream: bytes) -> tuple[bytes, Say, bytes] | None:
        """Return the first question in `stream`, what answers it, and what stands behind it; None without one."""
        if self.request is not None and self.reply is not None:
            start = 0
            while asked := self.request.search(stream, start):
                if (say := self.reply(asked[0])) is not None:
                    return asked[0], say, stream[asked.end() :]
                start = asked.start() + 1
            return None
        found = [(at, question) for question in self.answers if (at := stream.find(question)) >= 0]
        if not found:
            return None
        at, question = min(found)
        return question, self.answers[question], stream[at + len(question) :]


def summed(body: bytes) -> bytes:
    """Return `body` with the low byte of its sum behind it."""
    return body + bytes([sum(body) & 0xFF])


def gy_mcu9061x_frame(seen: float, ambient: float) -> bytes:
    """Return the 9 bytes of a GY-MCU9061x."""
    return summed(gy_mcu9061x.HEADER + struct.pack(">hh", round(seen * 100), round(ambient * 100)))


def gy_614v_frame(seen: float, ambient: float) -> bytes:
    """Return the 12 bytes of a GY-614V that estimates the body's temperature as `seen`, its emissivity at 0.95."""
    skin = seen - _BODY_ABOVE_SKIN_CELSIUS
    values = (round(celsius * 100) for celsius in (skin, ambient, seen))
    return summed(gy_614v.HEADER + struct.pack(">Bhhh", 95, *values))


def heimann_calct_frame(seen: float, _ambient: float) -> bytes:
    """Return the 7 bytes of a Heimann module whose hottest spot is in the middle."""
    return summed(heimann_calct.HEADER + struct.pack("<hBB", round(seen * 100), 16, 16))


def idc_50_frame(seen: float, _ambient: float) -> bytes:
    """Return the 6 bytes of an IDC-50, which knows no frost and no more than 255.9."""
    whole, tenths = divmod(min(max(0, round(seen * 10)), 2559), 10)
    return summed(idc_50.HEADER + bytes([whole, tenths]))


def _gy_mcu9061x(options: gy_mcu9061x.Options) -> Voice:
    return _pushed_or_asked(gy_mcu9061x_frame, gy_mcu9061x.QUERY if options.query else b"")


def _gy_614v(options: gy_614v.Options) -> Voice:
    return _pushed_or_asked(gy_614v_frame, gy_614v.QUERY if options.query else b"")


def _heimann_calct(_options: heimann_calct.Options) -> Voice:
    return _pushed_or_asked(heimann_calct_frame, heimann_calct.QUERY)


def _idc_50(_options: idc_50.Options) -> Voice:
    return Voice(idc_50_frame, (2.0, 2.0))


def _optris(options: optris.Options) -> Voice:
    def say(seen: float, _ambient: float) -> bytes:
        number = round(seen * 100) + 10_000 if options.hs else round(seen * 10) + 1_000
        return (optris.BURST_HEADER if is_burst else b"") + number.to_bytes(2, "big")

    is_burst = options.mode == "burst"
    return _pushed_or_asked(say, b"" if is_burst else optris.QUERY)


def _modbus_rtu(options: modbus_rtu.Options) -> Voice:
    def registers(seen: float) -> bytes:
        held = bytearray(2 * options.count)
        start = 2 * (options.register - options.first)
        held[start : start + options.value_bytes] = modbus_rtu.number(seen, options)
        return bytes(held)

    def say(seen: float, _ambient: float) -> bytes:
        data = registers(seen)
        return modbus_rtu.with_crc(bytes([options.address, options.function, len(data)]) + data)

    def reply(question: bytes) -> Say | None:
        if modbus_rtu.with_crc(question[:-2]) != question:
            return None
        _, function, first, count, _ = struct.unpack(">BBHH2s", question)

        def said(seen: float, _ambient: float) -> bytes:
            start = first - options.first
            code = 1 if function not in {3, 4} else 3 if not 0 < count <= _MOST_AT_ONCE else 0
            if not code and not 0 <= start <= start + count <= options.count:
                code = 2
            if code:
                return modbus_rtu.with_crc(bytes([options.address, function | 0x80, code]))
            data = registers(seen)[2 * start : 2 * (start + count)]
            return modbus_rtu.with_crc(bytes([options.address, function, len(data)]) + data)

        return said

    request = re.compile(re.escape(bytes([options.address])) + rb"[\x01-\x7f].{6}", re.DOTALL)
    return Voice(say, request=request, reply=reply)


def _raytek(options: raytek.Options) -> Voice:
    def in_unit(celsius: float) -> float:
        return celsius if options.unit == "C" else celsius * 9 / 5 + 32

    def burst(seen: float, ambient: float) -> bytes:
        return f"U{options.unit} T{in_unit(seen):06.1f} I{in_unit(ambient):06.1f} XT0000.0\r\n".encode()

    def reply(seen: float, _ambient: float) -> bytes:
        return f"!{options.head or ''}T{in_unit(seen):06.1f}\r\n".encode()

    def unit(_seen: float, _ambient: float) -> bytes:
        return f"!{options.head or ''}U{options.unit}\r\n".encode()

    if options.mode == "burst":
        return Voice(burst)
    unit_question, question = raytek.questions(options)
    return Voice(reply, answers=MappingProxyType({unit_question: unit, question: reply}))


def _text(options: text.Options) -> Voice:
    def celsius_line(seen: float, ambient: float) -> bytes:
        return f"Ambient = {ambient:.2f}*C\tObject = {seen:.2f}*C\r\n".encode()

    def fahrenheit_line(seen: float, _ambient: float) -> bytes:
        return f"Object: {seen * 9 / 5 + 32:.2f}F\r\n".encode()

    return Voice(celsius_line if options.unit == "C" else fahrenheit_line, (2.0, 2.0))


def _pushed_or_asked(say: Say, question: bytes) -> Voice:
    return Voice(say, answers=MappingProxyType({question: say} if question else {}))


VOICES: Final[Mapping[str, Callable[[Any], Voice]]] = MappingProxyType(
    {
        gy_mcu9061x.NAME: _gy_mcu9061x,
        gy_614v.NAME: _gy_614v,
        heimann_calct.NAME: _heimann_calct,
        idc_50.NAME: _idc_50,
        optris.NAME: _optris,
        modbus_rtu.NAME: _modbus_rtu,
        raytek.NAME: _raytek,
        text.NAME: _text,
    }
)
"""From a protocol's options to the voice of its device, by the protocol's name."""
