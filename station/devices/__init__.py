"""Devices at the gate: one module a protocol, one reader thread a port.

A new thermometer is one module with a parser (see `measurement.Parser`) and one line in `_PARSERS`. Nothing is ever
written to a port to find out what hangs there: the same bytes mean different things on different modules.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.devices.measurement import DeviceError, Parser

OptionValue: TypeAlias = bool | int | float | str
NO_OPTIONS: Final[Mapping[str, OptionValue]] = MappingProxyType({})


class OptionError(DeviceError, UsageError):
    """An option that the protocol does not have, or a value that it cannot have."""


@dataclass(frozen=True, slots=True)
class ThermometerProtocol:
    """How to understand one family of thermometers; `baud_rates` in bit/s, the usual one first.

    `options` is the struct that says which options there are; `parser` makes a parser of one. `window_s` is how many
    seconds `StabilityRule` has to grant for five samples: devices differ in how often they speak.
    """

    name: str
    parser: Callable[[Any], Parser]
    options: type[msgspec.Struct]
    baud_rates: tuple[int, ...]
    window_s: float = 1.0

    @property
    def baud_rate(self) -> int:
        """The rate in bit/s to use when nobody set one."""
        return self.baud_rates[0]

    def read_options(self, options: Mapping[str, OptionValue]) -> Any:
        """Return the struct of `options`, whose numbers may be text (also hexadecimal, `0x12`).

        Raises OptionError naming key, value and what is allowed.
        """
        try:
            return msgspec.convert(
                {key: _plain_value(value) for key, value in options.items()}, self.options, strict=False
            )
        except msgspec.ValidationError as error:
            what, _, key = str(error).removesuffix("`").partition(" - at `$.")
            raise OptionError(
                N_("{protocol}: {key}: {error}; options of this protocol: {known}"),
                protocol=self.name,
                key=f"{key} = {plain(str(options[key]), 60)}" if key in options else "options",
                error=plain(what),
                known=", ".join(self.options.__struct_fields__) or "-",
            ) from error

    def make_parser(self, options: Mapping[str, OptionValue] = NO_OPTIONS) -> Parser:
        """Return a new parser; raises OptionError."""
        return self.parser(self.read_options(options))


def _plain_value(value: OptionValue) -> OptionValue:
    if isinstance(value, str) and value[:2].lower() == "0x":
        try:
            return int(value, 16)
        except ValueError:
            return value
    return value


_PARSERS = {
    "gy-mcu9061x": ("gy_mcu9061x", "GyMcu9061x"),
    "gy-614v": ("gy_614v", "Gy614v"),
    "heimann-calct": ("heimann_calct", "HeimannCalct"),
    "idc-50": ("idc_50", "Idc50"),
    "optris": ("optris", "make_parser"),
    "modbus-rtu": ("modbus_rtu", "ModbusRtu"),
    "raytek": ("raytek", "Raytek"),
    "text": ("text", "Text"),
}
"""The module of every protocol, and what makes its parser."""


class _Protocols(Mapping[str, ThermometerProtocol]):
    """The protocols by their names; each module is loaded when it is asked for: a gate has one thermometer."""

    def __getitem__(self, name: str) -> ThermometerProtocol:
        module_name, parser = _PARSERS[name]
        module = import_module(f"station.devices.{module_name}")
        window_s = getattr(module, "WINDOW_S", 1.0)
        return ThermometerProtocol(name, getattr(module, parser), module.Options, module.BAUD_RATES, window_s)

    def __contains__(self, name: object) -> bool:
        return name in _PARSERS

    def __iter__(self) -> Iterator[str]:
        return iter(_PARSERS)

    def __len__(self) -> int:
        return len(_PARSERS)


PROTOCOLS: Final[Mapping[str, ThermometerProtocol]] = _Protocols()
"""Every protocol by the name that `thermometer.protocol` in settings.toml uses."""
