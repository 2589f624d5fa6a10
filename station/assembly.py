"""One station put together from its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from passes.errors import N_
from passes.keys import TrustList, load_key, read_trust_list
from passes.kinds import PRESETS
from station.clock import Clock, SystemClock
from station.gate import Gate
from station.issuing import Desk
from station.journal import Journal
from station.outbox import JournalOutbox
from station.register import Register
from station.settings import (
    ISSUING_KEY_FILE,
    ROOT_FILE,
    SECRET_FILE,
    TRUST_FILE,
    Settings,
    SettingsError,
    load_settings,
)


@dataclass(frozen=True, slots=True)
class Station:
    """The parts of one running station; they belong to the thread that opened them."""

    folder: Path
    settings: Settings
    clock: Clock
    journal: Journal
    register: Register
    gate: Gate
    outbox: JournalOutbox

    def desk(self) -> Desk:
        """Return the issuing desk; raises `SettingsError` when this station was given no key to issue with."""
        path = self.folder / ISSUING_KEY_FILE
        if not path.exists():
            raise SettingsError(
                N_("{path}: this station may not issue passes; the office can add one that may, with: --issue"),
                path=path,
            )
        return Desk(self.journal, self.register, load_key(path), self.settings.community.id, self.clock)

    def secret(self) -> str:
        """Return the secret that names this station to its community."""
        return _read(self.folder / SECRET_FILE).decode("ascii", "replace").strip()


@contextmanager
def open_station(folder: Path, clock: Clock | None = None) -> Iterator[Station]:
    """Open the station in `folder` and close it again.

    Raises `SettingsError`, `KeyFileError` or `StorageError`, each naming the file and the remedy.
    """
    settings = load_settings(folder)
    used_clock = clock or SystemClock()
    trust = _load_trust(folder, settings)
    journal = Journal(folder, settings.station.id, used_clock)
    try:
        register = Register(journal, settings.zone)
        gate = Gate(
            journal,
            register,
            used_clock,
            trust=trust,
            kinds=PRESETS,
            rule=settings.temperature.rule(),
            zone=settings.zone,
        )
        outbox = JournalOutbox(journal.db, journal.path, settings.station.id)
        yield Station(folder, settings, used_clock, journal, register, gate, outbox)
    finally:
        journal.close()


def _load_trust(folder: Path, settings: Settings) -> TrustList:
    trust = read_trust_list(_read(folder / TRUST_FILE), bytes.fromhex(_read(folder / ROOT_FILE).decode().strip()))
    if trust.community != settings.community.id:
        raise SettingsError(
            N_('{path}: the trust list is of community {found}, but community.id = "{wanted}"; correct settings.toml'),
            path=folder / TRUST_FILE,
            found=trust.community,
            wanted=settings.community.id,
        )
    return trust


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be read ({error}); set the station up again with: gatepost init"),
            path=path,
            error=error.strerror or error,
        ) from error
