"""Devices at the gate: one module a protocol, one reader thread a port.

A new thermometer is one module with a parser (see `measurement.Parser`) and one line in `PROTOCOLS`. Nothing is ever
written to a port to find out what hangs there: the same bytes mean different things on different modules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from station.devices import gy_mcu9061x
from station.devices.measurement import Parser


@dataclass(frozen=True, slots=True)
class ThermometerProtocol:
    """How to understand one family of thermometers; `baud_rates` in bit/s, the usual one first."""

    make_parser: Callable[[], Parser]
    baud_rates: tuple[int, ...]

    @property
    def baud_rate(self) -> int:
        """The rate in bit/s to use when nobody set one."""
        return self.baud_rates[0]


PROTOCOLS: Final[Mapping[str, ThermometerProtocol]] = MappingProxyType(
    {
        gy_mcu9061x.NAME: ThermometerProtocol(gy_mcu9061x.GyMcu9061x, gy_mcu9061x.BAUD_RATES),
    }
)
"""Every protocol by the name that `thermometer.protocol` in settings.toml uses."""
