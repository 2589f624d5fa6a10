"""The simulated scanner: what its settings put around a code never changes the code that is heard."""

import queue
from itertools import islice, product

import pytest

from station.devices.measurement import LinkState
from station.devices.scanner.code import is_token
from station.devices.scanner.reader import SerialScanner
from station.devices.scanner.simulator import AIM_QR, TERMINATORS, SimulatedScanner, invented_codes
from tests.devices.listening import DEADLINE_S


@pytest.mark.parametrize(
    ("terminator", "prefix", "is_doubled", "chunk_bytes"),
    [
        *product(TERMINATORS, [b""], [False], [0]),
        ("cr", AIM_QR, True, 0),
        ("none", AIM_QR, True, 7),
        ("tab", b"", True, 1),
    ],
)
def test_every_manner_gives_the_same_codes(terminator: str, prefix: bytes, is_doubled: bool, chunk_bytes: int) -> None:
    heard: queue.SimpleQueue[str | LinkState] = queue.SimpleQueue()
    with SimulatedScanner(
        terminator=TERMINATORS[terminator],
        prefix=prefix,
        is_doubled=is_doubled,
        chunk_bytes=chunk_bytes,
        transport="socket",
    ) as simulated:
        reader = SerialScanner(simulated.url, heard.put)
        reader.start()
        assert isinstance(heard.get(timeout=DEADLINE_S), LinkState)  # connected
        for code in islice(invented_codes(1), 3):
            simulated.scan(code)
            assert heard.get(timeout=DEADLINE_S) == code
        reader.stop()


def test_invented_codes_look_like_passes_and_are_repeatable() -> None:
    codes = list(islice(invented_codes(1), 20))
    assert all(map(is_token, codes))
    assert codes == list(islice(invented_codes(1), 20)) != list(islice(invented_codes(2), 20))
