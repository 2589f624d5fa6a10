"""The set oracle in short; `make proof` runs it for 30 minutes with 43 stations."""

import os
import random
from pathlib import Path

from tests.faults.proof import postgresql, prove, tell

SEED = int(os.environ.get("GATEPOST_SEED", "0")) or random.SystemRandom().getrandbits(32)
STATIONS = 5
SECONDS = 10


def test_nothing_is_lost_and_nothing_is_twice(tmp_path: Path) -> None:
    print(f"seed {SEED}, folder {tmp_path}")  # noqa: T201 - shown when it fails, to play the same again
    with postgresql() as url:
        world, report = prove(
            tmp_path, url, stations=STATIONS, seconds=SECONDS, seed=SEED, pace_s=0.12, chaos_pace_s=0.5
        )
    print("\n".join(tell(world, report, SECONDS)))  # noqa: T201 - the same
    assert report.promised > STATIONS * SECONDS
    assert report.conflicts > 0
