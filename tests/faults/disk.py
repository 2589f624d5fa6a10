"""A disk that loses power: what may be on it after a cut at any step of a recording.

What a sync has confirmed is there. What was written since may be there, or not, or in part: each write is kept, lost or
torn at sectors of 512 bytes, independently of the order. Names of files made or deleted since the folder was last
synced may be the new or the old ones. A small file that nobody syncs may be any of its versions, empty, cut or missing.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.recording import Cut, Deleted, Noted, Opened, Promised, Recording, Step, Synced, Written

SECTOR = 512

StartAgain = Callable[[Path, dict[str, int]], int]
"""Opens what a power cut left in a folder, checks it against what was promised, and says how much is there."""


@dataclass
class _File:
    """One file: its bytes as last synced, and what was done to it since."""

    syncs_folder: bool
    synced: bytearray = field(default_factory=bytearray)
    since: list[Written | Cut] = field(default_factory=list)
    is_synced: bool = False

    def sync(self) -> None:
        for step in self.since:
            _do(self.synced, step)
        self.since = []
        self.is_synced = True

    def after_cut(self, dice: random.Random) -> bytes:
        data = bytearray(self.synced)
        # Whole discs differ: one that keeps nearly everything finds other faults than one that loses nearly everything.
        kept, torn = dice.choice(((0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.1, 0.1), (0.5, 0.5), (0.9, 0.1)))
        for step in self.since:
            fate = dice.random()
            if fate < torn and isinstance(step, Written):
                for part in _sectors(step):
                    if dice.random() < 0.5:
                        _do(data, part)
            elif fate < torn + (1 - torn) * kept:
                _do(data, step)
        return bytes(data)


@dataclass
class Disk:
    """The files of one folder as a recording goes on, and what has been promised of them."""

    promised: dict[str, int] = field(default_factory=dict)
    _names: dict[str, list[_File | None]] = field(default_factory=dict)
    _notes: dict[str, list[bytes]] = field(default_factory=dict)

    def go_on(self, steps: Sequence[Step]) -> None:
        """Let the next steps happen."""
        for step in steps:
            match step:
                case Promised(what):
                    self.promised.update(what)
                case Noted(name, data):
                    self._notes.setdefault(name, []).append(data)
                case Opened(name, syncs_folder):
                    versions = self._names.setdefault(name, [None])
                    if versions[-1] is None:
                        versions.append(_File(syncs_folder))
                case Deleted(name, syncs_folder):
                    self._names[name].append(None)
                    if syncs_folder:
                        self._sync_folder()
                case Synced(name):
                    self._sync(self._file(name))
                case Written(name) | Cut(name):
                    self._file(name).since.append(step)

    def write_after_cut(self, folder: Path, dice: random.Random) -> None:
        """Write into an empty `folder` what may be on the disk if the power fails now."""
        for name, versions in self._names.items():
            found = dice.choice(versions)
            if found is not None:
                (folder / name).write_bytes(found.after_cut(dice))
        for name, contents in self._notes.items():
            data = dice.choice(contents[-3:])
            fate = dice.random()
            if fate < 0.9:
                (folder / name).write_bytes(data if fate < 0.7 else data[: dice.randrange(len(data))])

    def _file(self, name: str) -> _File:
        file = self._names[name][-1]
        assert file is not None
        return file

    def _sync(self, file: _File) -> None:
        if file.syncs_folder and not file.is_synced:
            self._sync_folder()
        file.sync()

    def _sync_folder(self) -> None:
        for name, versions in self._names.items():
            self._names[name] = versions[-1:]


def cut_power(made: Recording, folder: Path, count: int, seed: int, start_again: StartAgain) -> list[int]:
    """Cut the power at `count` random steps of a recording; return what `start_again` found each time.

    A failure names seed and place, and keeps the files.
    """
    dice = random.Random(seed)
    disk, at, found = Disk(), 0, []
    for number, place in enumerate(sorted(dice.randint(0, len(made.steps)) for _ in range(count))):
        disk.go_on(made.steps[at:place])
        at, disk_seed, left = place, dice.getrandbits(64), folder / f"cut-{number}"
        left.mkdir()
        disk.write_after_cut(left, random.Random(disk_seed))
        try:
            found.append(start_again(left, disk.promised))
        except Exception as error:
            raise AssertionError(
                f"seed {seed}, cut {number} at step {place}, disk {disk_seed}, promised {disk.promised}: {left}"
            ) from error
    return found


def _do(data: bytearray, step: Written | Cut) -> None:
    if isinstance(step, Cut):
        del data[step.size :]
        data.extend(bytes(step.size - len(data)))
        return
    end = step.offset + len(step.data)
    data.extend(bytes(max(end - len(data), 0)))
    data[step.offset : end] = step.data


def _sectors(step: Written) -> list[Written]:
    """Cut a write where the disk's sectors end."""
    parts = []
    at = 0
    while at < len(step.data):
        size = SECTOR - (step.offset + at) % SECTOR
        parts.append(Written(step.name, step.offset + at, step.data[at : at + size]))
        at += size
    return parts
