"""One station put together from its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from passes.errors import N_, KeyFileError
from passes.keyfiles import load_key
from passes.trust import USE_SEALING, TrustList, read_trust_list
from station.clock import Clock, SystemClock
from station.deciding import Decider
from station.gate import Gate
from station.journal import Journal
from station.outbox import JournalOutbox
from station.register import Register
from station.settings import (
    DIGEST_KEY_FILE,
    ISSUING_KEY_FILE,
    JOINING_FOLDER,
    SECRET_FILE,
    TRUST_FILE,
    Settings,
    SettingsError,
    load_root,
    load_settings,
)
from station.trusting import Trusting
from sync.events import recompute_hash

if TYPE_CHECKING:
    from station.access import Access
    from station.issuing import Desk
    from sync.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Station:
    """The parts of one running station; they belong to the thread that opened them."""

    folder: Path
    settings: Settings
    clock: Clock
    journal: Journal
    register: Register
    gate: Gate
    trusting: Trusting
    outbox: JournalOutbox

    def desk(self, passphrase: str | None = None) -> "Desk":
        """Return the issuing desk.

        Raises `SettingsError` when this station was given no key to issue with or its key may not issue today, and
        `KeyFileError` for a key file that cannot be used.
        """
        from station.issuing import Desk  # issuing and sealing are no part of a start

        path = self.folder / ISSUING_KEY_FILE
        if not path.exists():
            raise SettingsError(
                N_("{path}: this station may not issue passes; the office can add one that may, with: --issue"),
                path=path,
            )
        key = load_key(path, passphrase)
        now_ms, community = self.clock.now_ms(), self.settings.community.id
        if not any(
            trusted.public_key == key.public_key and trusted.is_trusted_for(now_ms, now_ms, self.settings.zone)
            for trusted in self.trusting.newest().candidates(key.key_id, community)
        ):
            raise SettingsError(
                N_("{path}: not trusted by the newest list here; bring it with: gatepost sync run, or ask the office"),
                path=path,
            )
        with_names = self.settings.passes.holder_names
        return Desk(self.journal, self.register, key, community, self.clock, with_names, self.sealer())

    @property
    def access(self) -> "Access":
        """Who works here."""
        from station.access import Access

        return Access(self.journal, self.register, self.clock)

    def sealer(self) -> "Sealer | None":
        """Return what numbers are sealed with; None where the office has given no key to seal to yet.

        Raises `KeyFileError` for a digest key that cannot be used.
        """
        from sync.sealing import Sealer, load_digest_key

        public_key = self.trusting.newest().newest(USE_SEALING)
        if public_key is None:
            return None
        path = self.folder / DIGEST_KEY_FILE
        return Sealer(self.settings.community.id, public_key, load_digest_key(path) if path.exists() else None)

    def secret(self) -> str:
        """Return the secret that names this station to its community; raises `SettingsError` when it is damaged."""
        path = self.folder / SECRET_FILE
        return check_secret(path, _read(path).decode("ascii", "replace"))


@contextmanager
def open_station(folder: Path, clock: Clock | None = None, settings: Settings | None = None) -> Iterator[Station]:
    """Open the station in `folder` and close it again; `settings` are those that do not stand there yet.

    Raises `SettingsError` or `StorageError`, each naming the file and the remedy.
    """
    if (folder / JOINING_FOLDER).exists():
        from station.setting_up import finish_joining

        finish_joining(folder)
    settings = settings or load_settings(folder)
    used_clock = clock or SystemClock()
    root_public_key = load_root(folder)
    path = folder / TRUST_FILE
    trust = check_trust_list(path, _read(path), root_public_key, settings.community.id)
    journal = Journal(folder, settings.station.id, used_clock)
    try:
        require_own(journal)
        register = Register(journal, settings.zone)
        rule = settings.temperature.rule()
        trusting = Trusting(register, trust, root_public_key)
        decider = Decider(journal, register, trusting.newest, rule=rule, zone=settings.zone)
        gate = Gate(journal, register, used_clock, decider, rule=rule, zone=settings.zone)
        outbox = JournalOutbox(journal.connection, journal.path, settings.station.id)
        yield Station(folder, settings, used_clock, journal, register, gate, trusting, outbox)
    finally:
        journal.close()


def check_trust_list(path: Path, data: bytes, root_public_key: bytes, community: str) -> TrustList:
    """Return the trust list that stands in `path`.

    Raises `SettingsError` unless it is whole, signed by that root key and of that community.
    """
    try:
        trust = read_trust_list(data, root_public_key)
    except KeyFileError as error:
        raise SettingsError(N_("{path}: no trust list can be used. {why}"), path=path, why=error) from error
    if trust.community != community:
        raise SettingsError(
            N_('{path}: the trust list is of community {found}, but community.id = "{wanted}"; correct settings.toml'),
            path=path,
            found=trust.community,
            wanted=community,
        )
    return trust


def check_secret(path: Path, text: str) -> str:
    """Return the secret that stands in `path` without line ends; raises `SettingsError` for what can be none."""
    secret = text.strip()
    if not secret.isascii() or not secret.isprintable() or not secret or " " in secret:
        raise SettingsError(
            N_("{path}: this is no station's secret; set the station up again with: gatepost init"), path=path
        )
    return secret


def require_own(journal: Journal) -> None:
    """Refuse to go on with a journal under another station's name: its records would count as forged.

    The first and the last record are looked at: where only one of them is wrong, that is for `gatepost log verify`.
    """
    last_n = journal.head().n
    if not last_n:
        return
    ends = [event for n in (0, last_n - 1) for _n, event in journal.read(n, 1)]
    if all(recompute_hash(event) != event.hash for event in ends):
        raise SettingsError(
            N_('{path}: not written under station.id = "{station}"; correct settings.toml or choose another --dir'),
            path=journal.path,
            station=journal.station,
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be read ({error}); set the station up again with: gatepost init"),
            path=path,
            error=error.strerror or error,
        ) from error
