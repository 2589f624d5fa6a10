"""What devices say when they have no temperature: every such number of every protocol is a fault with its sentence."""

import math
import struct

import pytest

from station.devices.measurement import Fault, FaultCode
from station.devices.modbus_rtu import with_crc
from station.devices.voices import summed
from tests.devices.test_protocols import HS, SURFACE, Options, parsed

WIDE: Options = {"format": "int32", "scale": 0.01, "status_register": -1}
FLOAT: Options = {"format": "float32", "scale": 1.0, "status_register": -1}


@pytest.mark.parametrize(
    ("name", "options", "data", "code", "word"),
    [
        ("text", {}, b"Object = 1037.55*C\n", FaultCode.SENSOR_FAULT, "1037.55"),
        ("text", {}, b"Object: 1899.59F\n", FaultCode.SENSOR_FAULT, "1037.55"),
        ("text", {}, b"Object = -273.15*C\n", FaultCode.SENSOR_FAULT, "-273.15"),
        ("text", {}, b"Object = nan*C\n", FaultCode.SENSOR_FAULT, "nan"),
        ("text", {}, b"Ambient = nan*C\tObject = 36.50*C\n", FaultCode.SENSOR_FAULT, "nan"),
        ("text", {}, b"Object = 0.00*C\n", FaultCode.NO_MEASUREMENT, "0.00"),
        ("text", {}, b"Object = 655.35*C\n", FaultCode.SENSOR_FAULT, "655.35"),
        ("heimann-calct", {}, summed(b"\xa5\x55\0\0\x10\x10"), FaultCode.NO_MEASUREMENT, "0.00"),
        ("heimann-calct", {}, summed(b"\xa5\x55\xff\xff\x10\x10"), FaultCode.SENSOR_FAULT, "655.35"),
        ("gy-614v", {}, summed(bytes.fromhex("A40307075F0E100960FFFF")), FaultCode.SENSOR_FAULT, "655.35"),
        ("gy-614v", {}, summed(bytes.fromhex("A40307075F0E10096007CF")), FaultCode.OUT_OF_RANGE, "options"),
        ("gy-614v", {}, summed(bytes.fromhex("A40307075F0E1009601195")), FaultCode.OUT_OF_RANGE, "options"),
        ("idc-50", {}, summed(b"\xaa\x55\x06\x24\x0a"), FaultCode.OUT_OF_RANGE, "options"),
        ("idc-50", {}, summed(b"\xaa\x55\x06\0\0"), FaultCode.NO_MEASUREMENT, "0.00"),
        ("gy-mcu9061x", {}, summed(bytes.fromhex("5A5A450400000960")), FaultCode.NO_MEASUREMENT, "0.00"),
        ("gy-mcu9061x", {}, summed(bytes.fromhex("5A5A4504954D0960")), FaultCode.SENSOR_FAULT, "-273.15"),
        ("gy-mcu9061x", {}, summed(bytes.fromhex("5A5A4504FFFF0960")), FaultCode.SENSOR_FAULT, "655.35"),
        ("gy-614v", {}, summed(bytes.fromhex("A40307075F0E1009600000")), FaultCode.NO_MEASUREMENT, "0.00"),
        ("gy-614v", {}, summed(bytes.fromhex("A40307075F0E100960954D")), FaultCode.SENSOR_FAULT, "-273.15"),
        ("gy-614v", SURFACE, summed(bytes.fromhex("A40307075FFFFF09600E10")), FaultCode.SENSOR_FAULT, "655.35"),
        ("heimann-calct", {}, summed(b"\xa5\x55\x4d\x95\x10\x10"), FaultCode.SENSOR_FAULT, "-273.15"),
        ("optris", {}, b"\x03\xe8", FaultCode.NO_MEASUREMENT, "0.00"),
        ("optris", HS, b"\x27\x10", FaultCode.NO_MEASUREMENT, "0.00"),
        ("optris", {}, b"\0\0", FaultCode.OUT_OF_RANGE, "options"),  # -100: colder than any model can see
        ("optris", {}, b"\xff\xff", FaultCode.OUT_OF_RANGE, "options"),
        ("modbus-rtu", {}, with_crc(b"\x01\x04\x02\0\0"), FaultCode.NO_MEASUREMENT, "0.00"),
        *(
            ("modbus-rtu", WIDE, with_crc(b"\x01\x04\x04" + struct.pack(">i", centi)), code, word)
            for centi, code, word in [
                (0, FaultCode.NO_MEASUREMENT, "0.00"),
                (103755, FaultCode.SENSOR_FAULT, "1037.55"),
                (-27315, FaultCode.SENSOR_FAULT, "-273.15"),
                (65535, FaultCode.SENSOR_FAULT, "655.35"),
            ]
        ),
        *(
            ("modbus-rtu", FLOAT, with_crc(b"\x01\x04\x04" + struct.pack(">f", value)), FaultCode.SENSOR_FAULT, word)
            for value, word in [(math.nan, "nan"), (math.inf, "nan"), (1037.55, "1037.55"), (-273.15, "-273.15")]
        ),
        ("raytek", {}, b"!T0000.0\r\n", FaultCode.NO_MEASUREMENT, "0.00"),
        ("raytek", {}, b"!T1037.55\r\n", FaultCode.SENSOR_FAULT, "1037.55"),
        ("raytek", {}, b"!T-273.15\r\n", FaultCode.SENSOR_FAULT, "-273.15"),
        ("raytek", {}, b"!T0655.35\r\n", FaultCode.SENSOR_FAULT, "655.35"),
        ("raytek", {}, b"!Tnan\r\n", FaultCode.OUT_OF_RANGE, "options"),
        ("modbus-rtu", {}, with_crc(b"\x01\x84\x02"), FaultCode.DEVICE_ERROR, "exception 2"),
        ("modbus-rtu", {}, with_crc(b"\x01\x84\x06"), FaultCode.DEVICE_ERROR, "error of its own"),
        ("modbus-rtu", {}, with_crc(b"\x07\x04\x02\x01\x6e"), FaultCode.WRONG_ADDRESS, "address"),
        ("modbus-rtu", {}, with_crc(b"\x01\x04\x08\x01\x6e\0\0\0\0\0\x01"), FaultCode.SENSOR_FAULT, "sensor"),
        ("modbus-rtu", {}, b"\x01\x04\x02\x01\x6e\x39\x4d", FaultCode.CHECKSUM, "damaged"),
        ("raytek", {}, b"*Syntax Error\r\n", FaultCode.DEVICE_ERROR, "(*)"),
        ("raytek", {}, b"!T>\r\n", FaultCode.OUT_OF_RANGE, "options"),
        ("raytek", {"head": 2}, b"!1T=36.5\r\n", FaultCode.WRONG_ADDRESS, "head"),
    ],
)
def test_faults_have_their_sentence(name: str, options: Options, data: bytes, code: FaultCode, word: str) -> None:
    [event] = parsed(name, options, data)
    assert isinstance(event, Fault)
    assert event.code is code
    assert word in event.sentence
    assert "{" not in event.sentence
