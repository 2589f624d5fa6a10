"""What is judged of the devices in the settings: that their ports are there and can be opened."""

from collections import Counter
from collections.abc import Callable, Iterator

from passes.errors import N_, GatepostError
from station.devices.measurement import Link
from station.devices.port import PortError
from station.doctor import Finding, note, ok, problem
from station.i18n import explain
from station.settings import Settings

TryPort = Callable[[str, int], PortError | None]
"""`ports.try_port`, or what a test puts in its place."""


def has_serial_devices(settings: Settings) -> bool:
    """Say whether some device on a serial port is in the settings."""
    return bool(_used(settings))


def judge_devices(settings: Settings, try_port: TryPort) -> Iterator[Finding]:
    """Yield a finding for each device in the settings."""
    if not settings.thermometer.port:
        yield note(
            "thermometer",
            N_("no thermometer is set up: temperatures are typed; to set one up run: gatepost doctor devices"),
        )
    used = _used(settings)
    for check, setting, port, baud_rate in used:
        yield _device(check, setting, port, try_port(port, baud_rate))
    for port, count in Counter(port for _check, _setting, port, _rate in used).items():
        if count > 1:
            yield problem("ports", N_("{port}: set for {count} devices; correct settings.toml"), port=port, count=count)


def _used(settings: Settings) -> list[tuple[str, str, str, int]]:
    """Return check, setting, port and rate of each device that has a port."""
    devices = [("thermometer", "thermometer.port", settings.thermometer.port, settings.thermometer.baud_rate)]
    devices += [("scanner", "scanners.port", scanner.port, scanner.baud_rate) for scanner in settings.scanners]
    devices += [("idcard", "idcard.port", settings.idcard.port, settings.idcard.baud_rate)]
    return [device for device in devices if device[2]]


def _device(check: str, setting: str, port: str, error: PortError | None) -> Finding:
    if error is not None and error.state is Link.BUSY:
        return ok(
            check, N_("{setting}: {port} is in use, by the gate or by another program"), setting=setting, port=port
        )
    if error is not None:
        why = GatepostError(error.sentence, **{**error.values, "port": port, "setting": setting})
        return problem(check, N_("{setting}: {why}"), setting=setting, why=explain(why))
    if "://" in port:
        return ok(check, N_("{setting}: {port} is on the network and was not tried"), setting=setting, port=port)
    return ok(check, N_("{setting}: {port} can be opened"), setting=setting, port=port)
