"""The Modbus decoder against another implementation: pymodbus as the sensor, and its codec on our frames."""

import asyncio
import random
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymodbus.framer import FramerRTU, FramerType
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from station.devices import PROTOCOLS, OptionValue
from station.devices.measurement import FaultCode, Link, Measurement
from station.devices.modbus_rtu import Options, request, with_crc
from station.devices.simulator import Scene
from station.devices.thermometer import Thermometer
from station.devices.voices import VOICES
from tests.devices.listening import Listener

Registers = dict[int, int]


@contextmanager
def sensor(registers: Registers, address: int = 1) -> Iterator[str]:
    """Serve `registers`, as holding and as input ones, as Modbus RTU over TCP; yields the url of its port."""
    is_up, urls = threading.Event(), list[str]()
    loop = asyncio.new_event_loop()
    servers: list[ModbusTcpServer] = []

    async def stop() -> None:
        await servers[0].shutdown()  # type: ignore[no-untyped-call]  # pymodbus leaves it without types

    async def serve() -> None:
        data = [SimData(number, values=value, datatype=DataType.REGISTERS) for number, value in registers.items()]
        server = ModbusTcpServer(SimDevice(address, data), framer=FramerType.RTU, address=("127.0.0.1", 0))
        servers.append(server)
        assert await server.listen()
        assert isinstance(server.transport, asyncio.Server)
        urls.append(f"socket://127.0.0.1:{server.transport.sockets[0].getsockname()[1]}")
        is_up.set()
        await server.serving

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()], daemon=True)
    thread.start()
    assert is_up.wait(20)
    try:
        yield urls[0]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
        thread.join(20)
        loop.close()


@contextmanager
def heard_from(url: str, options: dict[str, OptionValue]) -> Iterator[Listener]:
    heard = Listener()
    thermometer = Thermometer(
        url, lambda: PROTOCOLS["modbus-rtu"].make_parser(options), heard, baud_rate=PROTOCOLS["modbus-rtu"].baud_rate
    )
    thermometer.start()
    try:
        yield heard
    finally:
        thermometer.stop()


CALEX: Registers = {0x12: 366, 0x13: 0, 0x14: 0, 0x15: 0}


@pytest.mark.parametrize(
    ("registers", "options", "celsius"),
    [
        (CALEX, {}, 36.6),
        (CALEX, {"function": 3}, 36.6),
        ({0x0E: 373}, {"register": 0x0E, "status_register": -1}, 37.3),
        ({0x12: 0xFFCE, 0x13: 0, 0x14: 0, 0x15: 0}, {}, -5.0),
        ({1: 3652}, {"register": 1, "scale": 0.01, "format": "uint16", "status_register": -1}, 36.52),
        ({1: 0, 2: 3652}, {"register": 1, "scale": 0.01, "format": "int32", "status_register": -1}, 36.52),
        (
            {1: 3652, 2: 0},
            {"register": 1, "scale": 0.01, "format": "uint32", "status_register": -1, "word_order": "little"},
            36.52,
        ),
        ({0: 0, 1: 0x4212, 2: 0x8000}, {"register": 1, "scale": 1, "format": "float32", "status_register": 0}, 36.625),
    ],
)
def test_what_the_library_serves(registers: Registers, options: dict[str, OptionValue], celsius: float) -> None:
    with sensor(registers) as url, heard_from(url, options) as heard:
        assert {event.celsius for event in heard.wait_for_more(2)} == {celsius}
        assert not heard.faults


def test_the_librarys_exceptions_and_the_sensors_status() -> None:
    with sensor(CALEX) as url, heard_from(url, {"register": 0x40, "status_register": -1}) as heard:
        heard.wait(lambda: bool(heard.faults))
        assert heard.faults[0].code is FaultCode.DEVICE_ERROR
        assert "exception 2" in heard.faults[0].sentence
        heard.wait_for_link(Link.CONNECTED)
    with sensor(CALEX | {0x15: 1}) as url, heard_from(url, {}) as heard:
        heard.wait(lambda: bool(heard.faults))
        assert heard.faults[0].code is FaultCode.SENSOR_FAULT
        assert not heard.measurements


def test_our_frames_and_the_librarys_are_the_same() -> None:
    source = random.Random(20260207)
    for _ in range(300):
        address, register = source.randint(1, 247), source.randrange(0x10000)
        options = Options(address=address, register=register, status_register=-1)
        framer = FramerRTU(DecodePDU(is_server=True))
        asked = framer.handleFrame(request(options), 0, 0)[1]
        assert asked is not None
        assert (asked.dev_id, asked.function_code, asked.address, asked.count) == (address, 4, register, 1)
        answer = ReadInputRegistersResponse(registers=[source.randint(300, 450)], dev_id=address)
        parser = PROTOCOLS["modbus-rtu"].make_parser({"address": address, "register": register, "status_register": -1})
        [event] = parser.feed(framer.buildFrame(answer), 0.0)
        assert isinstance(event, Measurement)
        assert event.celsius == pytest.approx(answer.registers[0] / 10)


@pytest.mark.parametrize(
    ("address", "function", "first", "count", "registers", "exception"),
    [
        (1, 4, 0x12, 4, [366, 0, 0, 0], 0),
        (1, 4, 0x12, 1, [366], 0),
        (1, 3, 0x12, 1, [366], 0),
        (1, 4, 0x40, 1, None, 2),
        (1, 4, 0x15, 2, None, 2),
        (1, 4, 0x12, 126, None, 3),
    ],
)
def test_the_simulated_sensor_answers_the_librarys_questions(
    address: int, function: int, first: int, count: int, registers: list[int] | None, exception: int
) -> None:
    scene = Scene(1, 24.0, VOICES["modbus-rtu"](Options()))
    scene.present(36.6)
    kind = ReadInputRegistersRequest if function == 4 else ReadHoldingRegistersRequest
    # What the library itself would refuse to ask has to be put together by hand.
    asked = with_crc(struct.pack(">BBHH", address, function, first, count))
    if count <= 125:
        asked = FramerRTU(DecodePDU(is_server=False)).buildFrame(kind(address=first, count=count, dev_id=address))
    assert scene.answer(b"\x01junk" + asked[:3]) == b""
    [answer] = FramerRTU(DecodePDU(is_server=False)).handleFrame(scene.answer(asked[3:]), 0, 0)[1:]
    assert answer is not None
    if registers is None:
        assert (answer.isError(), answer.exception_code) == (True, exception)
    else:
        assert answer.registers == pytest.approx(registers, abs=1)
    assert scene.answer(asked[:-1] + b"\0\0") == b""
    assert scene.answer(bytes([9]) + asked[1:]) == b""
