"""Two hundred passages in one run of the app; `make soak` does five thousand."""

import sys
from pathlib import Path

import pytest

from bench.soak_gate import MOST_GROWTH_BYTES, soak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

PASSAGES = 200


def test_many_passages_in_one_run(tmp_path: Path) -> None:
    done = soak(tmp_path / "station", PASSAGES)
    assert done.allowed == PASSAGES
    assert PASSAGES // 40 <= done.refused <= PASSAGES // 40 + 2 * done.cut
    assert done.growth_bytes < MOST_GROWTH_BYTES
