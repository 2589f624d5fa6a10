"""A community's office and a gate without a line between them, and sticks that go to and fro."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from passes.trust import TrustList
from station.bundle_answers import TakenOver, import_from
from station.bundles import Carrier, Exported, export_to
from station.outbox import JournalOutbox
from station.settings import ROOT_FILE
from sync.bodies import PassageRecorded
from sync.community.bundle_answers import write_answers, write_feed
from sync.community.bundles import Desk, Import, import_bundles
from sync.community.database import events, reading
from sync.community.keys import Office, current_list, record_office_key, start_sealing
from sync.community.office import create_keys, load_root
from sync.community.stations import add_station
from tests.station.post import COMMUNITY, SHANGHAI, HandClock, Post


@dataclass
class World:
    """The office in `folder` on `engine`, and the gate `east`."""

    engine: sa.Engine
    folder: Path
    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        office_folder = self.folder / "office"
        office_folder.mkdir()
        key = create_keys(office_folder, COMMUNITY, self.clock.ms)
        self.office = Office(self.engine, office_folder, COMMUNITY, load_root(office_folder))
        record_office_key(self.engine, office_folder, COMMUNITY, key, self.clock.ms)
        start_sealing(self.office, self.clock.ms)
        self.desk = Desk(self.engine, office_folder, COMMUNITY, self.clock.now_ms)
        self.stick = self.folder / "stick"
        self.stick.mkdir()
        self.secret = add_station(self.engine, COMMUNITY, "east", "东门", self.clock.ms)
        station_folder = self.folder / "east"
        station_folder.mkdir()
        self.trust_root(station_folder)
        self.post = Post(station_folder, self.clock, station="east")
        self.outbox = JournalOutbox(self.post.journal.connection, self.post.journal.path, "east")

    def trust_root(self, folder: Path) -> None:
        """Let a gate's folder know the community's root key, as joining does."""
        (folder / ROOT_FILE).write_text(self.office.root.public_key.hex())

    @property
    def trust(self) -> TrustList:
        return current_list(self.engine, self.office.folder, COMMUNITY)

    def carrier(self, **changes: Any) -> Carrier:
        whole = Carrier(
            folder=self.post.folder,
            station="east",
            community=COMMUNITY,
            zone=SHANGHAI,
            secret=self.secret,
            trust=self.trust,
            root_public_key=self.office.root.public_key,
            now_ms=self.clock.now_ms,
            drift_ms=0,
        )
        return replace(whole, **changes)

    def record(self, count: int = 3) -> None:
        """Let people be refused at the gate, all in one transaction."""
        body = PassageRecorded(outcome="refused", direction="exit", verdict="refuse", reasons=["not_a_pass"])
        with self.post.journal.writing():
            for _ in range(count):
                self.clock.move(1)
                self.post.journal.append(body, at_ms=self.clock.ms, shift=None, guard="周师傅")

    def export(self, path: Path | None = None, **options: Any) -> Exported:
        self.clock.move(1)
        return export_to(self.carrier(), path or self.stick, **options)

    def take_in(self, *paths: Path, answer: bool = True) -> Import:
        """Import at the office what lies on the stick, and write the answers there."""
        self.clock.move(1)
        done = import_bundles(self.desk, paths or [self.stick])
        if answer:
            write_answers(self.desk, done.taken, self.stick, SHANGHAI)
        return done

    def take_over(self, *paths: Path) -> TakenOver:
        """Import at the gate."""
        self.clock.move(1)
        return import_from(self.carrier(), paths or [self.stick])

    def write_feed(self, station: str = "east") -> Path:
        self.clock.move(1)
        return write_feed(self.desk, station, self.stick, SHANGHAI)

    def stored(self) -> list[tuple[int, str]]:
        """Return number and hash of the gate's events at the community."""
        query = sa.select(events.c.seq, events.c.hash).where(events.c.station == "east").order_by(events.c.seq)
        with reading(self.engine) as connection:
            return [(row.seq, row.hash) for row in connection.execute(query)]

    def recorded(self) -> list[tuple[int, str]]:
        return [(event.seq, event.hash) for _n, event in self.post.journal.read()]

    def bundles(self, to: str) -> list[Path]:
        return sorted(self.stick.glob(f"*.to-{to}.gatepost"))

    def table(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the gate's file."""
        return [tuple(row) for row in self.post.journal.connection.execute(sql)]

    def state(self) -> list[list[tuple[Any, ...]]]:
        """Return all that an import may change at the gate."""
        return [
            self.table(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("deliveries", "feed", "notes", "trust_lists")
        ]


WorldMaker = Callable[[], World]
