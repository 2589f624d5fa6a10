"""What is judged of the station in its folder: settings, keys, journal, clock, community."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from passes.errors import N_, GatepostError
from passes.keyfiles import needs_passphrase
from passes.trust import USE_ISSUING
from station.assembly import Station, open_station
from station.clock import Clock
from station.doctor import Finding, State, note, ok, problem
from station.doctor.devices import TryPort, has_serial_devices, judge_devices
from station.doctor.facts import Machine
from station.doctor.machine import judge_machine
from station.journal import Journal
from station.settings import FILE_NAME, ISSUING_KEY_FILE, SECRET_FILE, Settings, load_settings
from station.storage import FILE_NAME as JOURNAL_FILE
from station.storage import storage_errors
from station.travel import alarms
from sync.client import ask_station, connect
from sync.events import GENESIS, is_intact
from sync.wire import StationAnswer

TAIL = 200
"""So many records at the end of the journal are looked at; `gatepost log verify` walks them all."""

DRIFT_MS = 120_000
_TIMEOUT_S = 5.0

AskStation = Callable[[Settings, str], StationAnswer]
"""`ask_community`, or what a test puts in its place."""


def ask_community(settings: Settings, secret: str) -> StationAnswer:
    """Ask the community who we are; raises `TransferError`."""
    with connect(settings.community.url, secret, _TIMEOUT_S) as client:
        return ask_station(client, settings.community.id)


def examine(
    folder: Path, machine: Machine, clock: Clock, *, try_port: TryPort, ask: AskStation = ask_community
) -> list[Finding]:
    """Return all findings: about the machine, then about the station in `folder` if there is one."""
    if not (folder / FILE_NAME).exists():
        missing = note(
            "station",
            N_("{folder}: no station is set up here; the machine was looked at only. Run: gatepost init FILE"),
            folder=folder,
        )
        return [*judge_machine(machine, has_devices=False), missing]
    try:
        settings = load_settings(folder)
    except GatepostError as error:
        return [*judge_machine(machine, has_devices=False), _trouble("settings", error)]
    return [
        *judge_machine(machine, has_devices=has_serial_devices(settings)),
        *_private_files(folder),
        *_station(folder, clock, ask),
        *judge_devices(settings, try_port),
    ]


def _station(folder: Path, clock: Clock, ask: AskStation) -> Iterator[Finding]:
    try:
        with storage_errors(folder / JOURNAL_FILE), open_station(folder, clock) as station:
            yield _journal(station.journal)
            yield _clock(station)
            yield from _keys(station)
            yield _backlog(station)
            yield from _link(station)
            yield from _community(station, ask)
    except GatepostError as error:
        yield _trouble("station", error)


def _trouble(check: str, error: GatepostError) -> Finding:
    return Finding(check, State.PROBLEM, error.sentence, error.values)


def _private_files(folder: Path) -> Iterator[Finding]:
    if sys.platform == "win32":  # there the user's folder is his own
        return
    for name in (SECRET_FILE, ISSUING_KEY_FILE):
        path = folder / name
        if path.exists() and path.stat().st_mode & 0o077:
            yield problem("keys", N_("{path}: other users may read it; run: chmod 600 {path}"), path=path)


def _journal(journal: Journal) -> Finding:
    head = journal.head()
    tail = [event for _n, event in journal.read(max(0, head.n - TAIL))]
    before = GENESIS if head.n <= TAIL else tail[0].prev
    for event in tail:
        if event.prev != before or not is_intact(event):
            return problem(
                "journal",
                N_("{path}: record {seq} is not as it was written; keep the folder, run: gatepost log verify"),
                path=journal.path,
                seq=event.seq,
            )
        before = event.hash
    (mode,) = journal.connection.execute("PRAGMA journal_mode").fetchone()
    return ok(
        "journal",
        N_("journal: {count} records, the last {tail} hold together, mode {mode}"),
        count=head.n,
        tail=len(tail),
        mode=mode.upper(),
    )


def _clock(station: Station) -> Finding:
    if station.gate.is_clock_behind():
        return problem(
            "clock",
            N_(
                "the clock lies before the last record; set the computer's time, then the lead confirms it at the gate:"
                " F3"
            ),
        )
    return ok("clock", N_("the clock lies after the last record, as it should"))


def _keys(station: Station) -> Iterator[Finding]:
    trust, now_ms = station.trusting.newest(), station.clock.now_ms()
    zone = station.settings.zone
    good = [entry for entry in trust.entries if entry.use == USE_ISSUING and entry.is_trusted_for(None, now_ms, zone)]
    if good:
        yield ok("trust", N_("trust list: {count} keys are good today"), count=len(good))
    else:
        yield problem("trust", N_("trust list: no key is good today, so every pass is refused; run: gatepost sync run"))
    path = station.folder / ISSUING_KEY_FILE
    if not path.exists():
        return
    try:
        if needs_passphrase(path):
            yield ok("issuing-key", N_("issuing key: under a passphrase, not tried"))
            return
        station.desk()
    except GatepostError as error:
        yield _trouble("issuing-key", error)
    else:
        yield ok("issuing-key", N_("issuing key: good today"))


def _link(station: Station) -> Iterator[Finding]:
    for alarm in alarms(station.journal.connection, station.clock.now_ms(), station.settings.zone):
        yield _trouble("link", alarm)


def _backlog(station: Station) -> Finding:
    backlog = station.outbox.backlog()
    if backlog.stuck:
        return note("outbox", N_("{stuck} records were set aside by the office; ask it why"), stuck=backlog.stuck)
    return ok("outbox", N_("unsent records: {count}"), count=backlog.pending)


def _community(station: Station, ask: AskStation) -> Iterator[Finding]:
    settings = station.settings
    if not settings.community.url:
        yield note("server", N_("the station works alone: community.url in settings.toml is empty"))
        return
    try:
        answer = ask(settings, station.secret())
    except GatepostError as error:
        yield _trouble("server", error)
        return
    if answer.station != settings.station.id:
        yield problem(
            "server",
            N_("the secret is that of station {answered}, and this is {expected}; put the right secret file back"),
            answered=answer.station,
            expected=settings.station.id,
        )
    else:
        yield ok(
            "server",
            N_("{url}: the community answers and knows this station as {name}"),
            url=settings.community.url,
            name=answer.station_name,
        )
    yield _drift(station.clock.now_ms() - answer.server_time_ms)


def _drift(drift_ms: int) -> Finding:
    seconds = abs(drift_ms) // 1000
    if abs(drift_ms) <= DRIFT_MS:
        return ok("drift", N_("the clock agrees with the community's to {seconds} seconds"), seconds=seconds)
    if drift_ms > 0:
        return problem("drift", N_("the clock is {seconds} seconds ahead; set the computer's time"), seconds=seconds)
    return problem("drift", N_("the clock is {seconds} seconds behind; set the computer's time"), seconds=seconds)
