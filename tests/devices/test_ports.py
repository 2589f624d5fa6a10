"""The ports of a machine: what they seem to be, and the same device again under another name."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serial.tools import list_ports as listing
from serial.tools.list_ports_common import ListPortInfo

from station.devices.measurement import Link
from station.devices.port import PortError
from station.devices.ports import SENTENCES, Likeness, PortInfo, list_ports, locate


def found(device: str, **more: Any) -> ListPortInfo:
    port = ListPortInfo(device)
    for name, value in more.items():
        setattr(port, name, value)
    return port


def usb(device: str, serial_number: str | None = None, location: str | None = None, pid: int = 0x7523) -> PortInfo:
    return PortInfo(device, Likeness.BRIDGE, vid=0x1A86, pid=pid, serial_number=serial_number, location=location)


def test_what_is_plugged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Newland_FM430-if00").symlink_to(os.path.relpath(device, by_id))
    scanner = found(
        str(device),
        vid=0x1EAB,
        pid=0x1D06,
        serial_number="NL1",
        location="1-2",
        manufacturer="New\x1bland",
        product="F",
    )
    monkeypatch.setattr(listing, "comports", lambda: [found("/dev/ttyS10"), found("/dev/ttyS9"), scanner])
    assert list_ports(by_id) == [
        PortInfo(
            str(device),
            Likeness.SCANNER,
            by_id=str(by_id / "usb-Newland_FM430-if00"),
            vid=0x1EAB,
            pid=0x1D06,
            serial_number="NL1",
            location="1-2",
            maker="New\ufffdland",
            product="F",
        ),
        PortInfo("/dev/ttyS9", Likeness.BUILT_IN),
        PortInfo("/dev/ttyS10", Likeness.BUILT_IN),
    ]
    assert locate("usb:1EAB:1D06:NL1") == str(device)


@pytest.mark.parametrize(
    ("device", "vid", "likeness"),
    [
        ("/dev/ttyUSB0", 0x1A86, Likeness.BRIDGE),
        ("/dev/ttyACM0", 0x2341, Likeness.BOARD),
        ("COM3", 0x0C2E, Likeness.SCANNER),
        ("/dev/ttyUSB2", 0x12D1, Likeness.MODEM),
        ("/dev/ttyACM1", 0xFFFF, Likeness.UNKNOWN),
        ("COM1", None, Likeness.BUILT_IN),
        ("/dev/rfcomm0", None, Likeness.BLUETOOTH),
        ("/dev/pts/3", None, Likeness.UNKNOWN),
    ],
)
def test_what_a_port_seems_to_be(
    device: str, vid: int | None, likeness: Likeness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(listing, "comports", lambda: [found(device, vid=vid, pid=1 if vid else None)])
    [port] = list_ports(tmp_path / "none")
    assert (port.likeness, port.by_id) == (likeness, None)


def test_this_machine_can_be_asked() -> None:
    assert all(port.device for port in list_ports())
    assert SENTENCES.keys() == set(Likeness)


def test_a_device_with_a_serial_number_is_found_in_any_socket_under_any_name() -> None:
    address = usb("/dev/ttyUSB0", "A1", "1-2").address
    assert address == "usb:1A86:7523:A1"
    assert locate(address, [usb("COM7", "A2", "1-2"), usb("COM8", "A1", "3-1.4")]) == "COM8"


def test_a_device_without_one_is_found_in_its_socket_only() -> None:
    address = usb("/dev/ttyUSB0", location="1-2").address
    assert address == "usb:1A86:7523@1-2"
    assert locate(address, [usb("/dev/ttyUSB0", location="1-3"), usb("/dev/ttyUSB1", location="1-2")]) == "/dev/ttyUSB1"
    with pytest.raises(PortError) as caught:
        locate(address, [usb("/dev/ttyUSB0", location="1-3"), usb("/dev/ttyACM0", location="1-2", pid=1)])
    assert caught.value.state is Link.ABSENT
    assert "usb:1A86:7523@1-2" in str(caught.value)


def test_each_of_several_interfaces_is_itself() -> None:
    ports = [usb("/dev/ttyACM0", "A1", "1-2:1.0"), usb("/dev/ttyACM1", "A1", "1-2:1.2")]
    assert [locate(port.address, ports) for port in ports] == ["/dev/ttyACM0", "/dev/ttyACM1"]
    moved = [usb("/dev/ttyACM5", "A1", "4-1:1.2"), usb("/dev/ttyACM4", "A1", "4-1:1.0")]
    assert [locate(port.address, moved) for port in ports] == ["/dev/ttyACM4", "/dev/ttyACM5"]


def test_copies_that_nobody_can_tell_apart_are_not_guessed() -> None:
    with pytest.raises(PortError):
        locate("usb:1A86:7523:0001", [usb("COM3", "0001", "1-1"), usb("COM4", "0001", "1-2")])


@pytest.mark.parametrize("address", ["/dev/ttyUSB0", "COM3", "socket://127.0.0.1:5", "", "/dev/serial/by-id/usb-x"])
def test_any_other_address_stays(address: str) -> None:
    assert locate(address, []) == address


@pytest.mark.parametrize("mark", ["usb:", "usb:1A86", "usb:1A86:7523", "usb:x:y:z", "usb:1A86:7523@", "usb:\x1b:1:A"])
def test_what_is_no_mark_is_told_with_the_right_form(mark: str) -> None:
    with pytest.raises(PortError) as caught:
        locate(mark, [])
    assert caught.value.state is Link.UNUSABLE
    assert "usb:VID:PID:SERIAL" in str(caught.value)
    assert str(caught.value).isprintable()


@given(
    serial_number=st.none() | st.text("AB:@ 1", max_size=5), location=st.none() | st.sampled_from(["1-2", "1-2:1.0"])
)
def test_every_port_is_found_by_its_own_address(serial_number: str | None, location: str | None) -> None:
    port = usb("/dev/ttyUSB0", serial_number, location)
    assert locate(port.address, [port]) == "/dev/ttyUSB0"
