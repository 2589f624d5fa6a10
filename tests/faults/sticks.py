"""Records by stick while the network carries the same ones: somebody walks from a gate to the office and back.

The gate is cut off until it has something to say; its export is on the stick when the line comes back, and the office
takes it in while the courier sends the same records. Each step is a command as people give it, beside the gate's own
process, and is killed now and then.
"""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
KILLED_SHARE = 0.25
WAIT_S = 300
"""Longest time for a command and for its tries: a machine that plays 43 stations has little left for it."""


@dataclass
class Sticks:
    """All sticks that were ever carried, each a folder in `folder`; `community` is the office's."""

    folder: Path
    community: Path
    met: Counter[str] = field(default_factory=Counter)
    walks: list[tuple[Path, Path]] = field(default_factory=list)

    def export(self, station: Path, dice: random.Random) -> Path | None:
        """Write what the station has not sent to a new stick; None where all is sent."""
        stick = self.folder / f"{len(self.walks):03d}"
        stick.mkdir(parents=True, exist_ok=True)
        done = self._give(dice, "sync", "export", str(stick), "--dir", str(station))
        held = done["events"] + done["there_before"]
        if not held:
            return None
        self.met["exported"] += held
        self.walks.append((station, stick))
        return stick

    def take_in(self, stick: Path, dice: random.Random) -> None:
        """Let the office take a stick in and write its answer on it."""
        done = self._give(dice, "community", "import", str(stick), "--dir", str(self.community))
        for file in done["files"]:
            self.met.update({f"{verdict} by the office": count for verdict, count in file["events"].items()})

    def take_over(self, station: Path, stick: Path, dice: random.Random) -> None:
        """Let the station take its answer over."""
        done = self._give(dice, "sync", "import", str(stick), "--dir", str(station))
        self.met["acknowledged by stick"] += done["acknowledged"]

    def repeat_all(self) -> None:
        """Carry every stick once more, when all is healed: nothing may come of it."""
        for station, stick in self.walks:
            done = _say("community", "import", str(stick), "--dir", str(self.community)) or {}
            assert {verdict for file in done["files"] for verdict in file["events"]} == {"already"}, done
            done = _say("sync", "import", str(stick), "--dir", str(station)) or {}
            assert (done["acknowledged"], done["news"]) == (0, 0), done

    def _give(self, dice: random.Random, *command: str) -> dict[str, Any]:
        """Give a command until it succeeds, since the database may be recovering; now and then it is killed first."""
        if dice.random() < KILLED_SHARE and _say(*command, killed_after_s=dice.uniform(0.2, 1.5)) is None:
            self.met["commands killed"] += 1
        deadline_s = time.monotonic() + WAIT_S
        while (done := _say(*command)) is None:
            assert time.monotonic() < deadline_s, f"{command} does not succeed"
            threading.Event().wait(0.5)
        return done


def _say(*command: str, killed_after_s: float = WAIT_S) -> dict[str, Any] | None:
    """Give one command and return its JSON; None when it was killed or did not succeed."""
    argv = [sys.executable, "-m", "station", "--lang", "en", *command, "--json"]
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=killed_after_s, check=False)
    except subprocess.TimeoutExpired:
        assert killed_after_s < WAIT_S, f"{command} does not end"
        return None
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return dict(msgspec.json.decode(done.stdout)) if done.returncode == 0 else None
