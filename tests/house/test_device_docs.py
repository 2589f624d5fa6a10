"""docs/devices.md and its Chinese twin hold every protocol, option and key, and examples that can be used."""

import re
import tomllib
from pathlib import Path

import click
import msgspec
import pytest

from station.cli import gatepost
from station.devices import PROTOCOLS
from station.devices.ports import locate
from station.settings import IdCardSettings, ScannerSettings, ThermometerSettings, check_settings
from tests.house.tree import ROOT

BASE = {"station": {"id": "G1", "name": "x"}, "community": {"id": "c", "name": "x", "zone": "Asia/Shanghai"}}
DOCS = ["devices.md", "devices.zh.md"]
every_doc = pytest.mark.parametrize("name", DOCS)


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(name: str, protocol: str) -> str:
    """Return what the document says of one protocol: from its heading to the next."""
    (_, after) = re.split(rf"^### .*`{protocol}`$", text(name), maxsplit=1, flags=re.MULTILINE)
    return re.split(r"^##", after, maxsplit=1, flags=re.MULTILINE)[0]


def examples(name: str) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", text(name), re.MULTILINE | re.DOTALL)


@every_doc
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_its_options_rates_and_an_example(name: str, protocol: str) -> None:
    said = section(name, protocol)
    options = PROTOCOLS[protocol].options.__struct_fields__
    assert [option for option in options if f"`{option} = " not in said] == []
    assert [
        rate for rate in PROTOCOLS[protocol].baud_rates[:2] if str(rate) not in said and protocol != "modbus-rtu"
    ] == []
    (example,) = re.findall(r"^```toml\n(.*?)^```", said, re.MULTILINE | re.DOTALL)
    assert tomllib.loads(example)["thermometer"]["protocol"] == protocol


@every_doc
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_option_is_invented(name: str, protocol: str) -> None:
    told = set(re.findall(r"^\| `(\w+) = ", section(name, protocol), re.MULTILINE))
    assert told == set(PROTOCOLS[protocol].options.__struct_fields__)


@every_doc
@pytest.mark.parametrize("settings", [ThermometerSettings, ScannerSettings, IdCardSettings])
def test_every_key_of_a_device_is_told(name: str, settings: type[msgspec.Struct]) -> None:
    said = text(name)
    assert [key for key in settings.__struct_fields__ if f"`{key}`" not in said] == []


@every_doc
def test_every_example_is_taken_as_it_stands(name: str) -> None:
    assert len(examples(name)) == len(PROTOCOLS) + 3
    for example in examples(name):
        settings = check_settings(Path("settings.toml"), {**BASE, **tomllib.loads(example)})
        PROTOCOLS[settings.thermometer.protocol].make_parser(settings.thermometer.options)
        ports = [settings.thermometer.port, settings.idcard.port, *(one.port for one in settings.scanners)]
        assert [port for port in ports if port and locate(port) != port] == []


@every_doc
def test_every_command_in_it_is_understood(name: str) -> None:
    lines = re.findall(r"^ *gatepost (doctor.*?)(?: +#.*)?$", text(name), re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        command: click.Command = gatepost
        words = line.split()
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        command.make_context("devices", words, resilient_parsing=False, parent=None)


def test_both_languages_have_the_same_examples_and_faults() -> None:
    assert examples(DOCS[0]) == examples(DOCS[1])
    numbers = [re.findall(r"^\d+\. \*\*", text(name), re.MULTILINE) for name in DOCS]
    assert len(numbers[0]) == len(numbers[1])
