"""The tables of the station's file, one step after the other; sqlite-utils remembers which have been taken."""

from typing import Any

from sqlite_utils import Database, Migrations

migrations = Migrations("station")


@migrations()
def journal_and_register(db: Database) -> None:
    """Create the journal (events, never changed), its deliveries, and the register that is folded from it."""
    db.executescript("""
        CREATE TABLE events (
            n INTEGER PRIMARY KEY,
            epoch TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT NULL,
            device_ms INTEGER NOT NULL, drift_ms INTEGER, suspect INTEGER NOT NULL, shift TEXT, guard TEXT,
            body TEXT NOT NULL, body_sha256 TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER events_never_change BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
        CREATE TRIGGER events_never_go BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

        CREATE TABLE deliveries (
            n INTEGER PRIMARY KEY REFERENCES events, status TEXT NOT NULL, reason TEXT, at_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX deliveries_in_trouble ON deliveries (status) WHERE status IN ('fork', 'quarantined');

        CREATE TABLE passes (
            pass_id TEXT PRIMARY KEY, number TEXT NOT NULL, kind TEXT NOT NULL, holder TEXT NOT NULL,
            holder_id TEXT NOT NULL, household TEXT NOT NULL, address TEXT NOT NULL,
            valid_from TEXT NOT NULL, valid_until TEXT NOT NULL,
            state TEXT NOT NULL, detail TEXT, issued_ms INTEGER NOT NULL, token TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX passes_by_number ON passes (number);

        CREATE TABLE bans (holder_id TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;

        CREATE TABLE passages (
            n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, order_ms INTEGER NOT NULL, station TEXT NOT NULL,
            direction TEXT NOT NULL, outcome TEXT NOT NULL, fever INTEGER NOT NULL, leg TEXT, pass_id TEXT
        ) STRICT;
        CREATE INDEX passages_of_pass ON passages (pass_id, order_ms DESC, at_ms, direction, station, leg)
            WHERE outcome = 'allowed' AND pass_id IS NOT NULL;

        CREATE TABLE tallies (
            day TEXT, outcome TEXT, direction TEXT, fever INTEGER, number INTEGER NOT NULL,
            PRIMARY KEY (day, outcome, direction, fever)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE shifts (
            id TEXT PRIMARY KEY, opened_ms INTEGER NOT NULL, guards TEXT NOT NULL, lead TEXT,
            handed_over_ms INTEGER, incoming TEXT, outstanding TEXT, opened_n INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX shifts_in_order ON shifts (opened_n);
    """)


_FEED_TABLES = """
    CREATE TABLE feed (
        n INTEGER PRIMARY KEY, station TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL,
        kind TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (station, epoch, seq)
    ) STRICT;
    CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

_REGISTER_TABLES = """
    CREATE TABLE passes (
        pass_id TEXT PRIMARY KEY, number TEXT NOT NULL, kind TEXT NOT NULL, holder TEXT NOT NULL,
        holder_id TEXT NOT NULL, household TEXT NOT NULL, address TEXT NOT NULL, valid_from TEXT NOT NULL,
        valid_until TEXT NOT NULL, issued_ms INTEGER NOT NULL, token TEXT NOT NULL, source TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX passes_by_number ON passes (number);
    CREATE INDEX passes_by_household ON passes (household);
    CREATE INDEX passes_by_source ON passes (source) WHERE source IS NOT NULL;

    CREATE TABLE pass_events (
        pass_id TEXT, order_ms INTEGER, id TEXT, at_ms INTEGER NOT NULL, station TEXT NOT NULL,
        kind TEXT NOT NULL, state TEXT, detail TEXT, PRIMARY KEY (pass_id, order_ms, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lines (pass_id TEXT PRIMARY KEY, line TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX lines_by_line ON lines (line);
    CREATE TABLE persons (
        person_id TEXT PRIMARY KEY, name TEXT NOT NULL, household TEXT NOT NULL, address TEXT NOT NULL,
        order_ms INTEGER NOT NULL, id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX persons_by_name ON persons (name);
    CREATE TABLE restrictions (
        scope TEXT, subject TEXT, kind TEXT, is_on INTEGER NOT NULL, until TEXT, reason TEXT,
        order_ms INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (scope, subject, kind)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE legs (
        line TEXT, order_ms INTEGER, id TEXT, at_ms INTEGER NOT NULL, direction TEXT NOT NULL, station TEXT NOT NULL,
        leg TEXT NOT NULL, pass_id TEXT NOT NULL, PRIMARY KEY (line, order_ms, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE undone (passage_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE rules (
        n INTEGER PRIMARY KEY, name TEXT NOT NULL, effective_ms INTEGER NOT NULL, order_ms INTEGER NOT NULL,
        id TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE trust_lists (n INTEGER PRIMARY KEY, data TEXT NOT NULL) STRICT;
    CREATE TABLE conflicts (
        conflict_id TEXT PRIMARY KEY, rule TEXT, pass_id TEXT NOT NULL, passages TEXT, stations TEXT,
        found_ms INTEGER, closed_ms INTEGER, reason TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE shifts (
        id TEXT PRIMARY KEY, opened_ms INTEGER NOT NULL, guards TEXT NOT NULL, lead TEXT,
        handed_over_ms INTEGER, incoming TEXT, outstanding TEXT, opened_n INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX shifts_in_order ON shifts (opened_n);
"""


@migrations()
def register_of_journal_and_feed(db: Database) -> None:
    """Keep what the community's feed brings, and fold the register from both: whoever opens it next does that."""
    for table in ("passes", "bans", "passages", "tallies", "shifts"):
        db.execute(f"DROP TABLE {table}")
    db.executescript(_FEED_TABLES + _REGISTER_TABLES)


@migrations()
def numbers_and_visits(db: Database) -> None:
    """Keep by which numbers persons are known again, and who came in without a pass; fold the register anew."""
    db.executescript("""
        CREATE TABLE numbers (
            person_id TEXT, field TEXT, digest TEXT, tail TEXT NOT NULL, document TEXT, order_ms INTEGER NOT NULL,
            id TEXT NOT NULL, PRIMARY KEY (person_id, field)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX numbers_by_digest ON numbers (digest) WHERE digest IS NOT NULL;
        CREATE TABLE visits (
            person_id TEXT PRIMARY KEY, name TEXT NOT NULL, household TEXT NOT NULL, address TEXT NOT NULL,
            visit TEXT NOT NULL, station TEXT NOT NULL, order_ms INTEGER NOT NULL, id TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX visits_in_order ON visits (order_ms);
        CREATE INDEX persons_by_address ON persons (address);
        CREATE INDEX passes_by_holder ON passes (holder_id);
        DELETE FROM notes WHERE name = 'register';
    """)


@migrations()
def staff(db: Database) -> None:
    """Keep who works here; a journal written before this has nobody to fold."""
    db.execute(
        "CREATE TABLE staff (name TEXT PRIMARY KEY, roles TEXT NOT NULL, is_active INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )


@migrations()
def matters_of_duty(db: Database) -> None:
    """Keep what a shift records beside passages, and what it was handed; fold the register anew."""
    db.executescript("""
        CREATE TABLE matters (
            id TEXT PRIMARY KEY, n INTEGER, what TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
            at_ms INTEGER NOT NULL, station TEXT NOT NULL, guard TEXT, body TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX matters_in_order ON matters (what, n);
        CREATE INDEX matters_open ON matters (what, n) WHERE state <> 'closed';
        CREATE INDEX matters_of_subject ON matters (what, subject, n) WHERE subject <> '';
        CREATE TABLE matter_steps (
            matter_id TEXT, id TEXT, n INTEGER, state TEXT NOT NULL, at_ms INTEGER NOT NULL, guard TEXT,
            note TEXT NOT NULL, PRIMARY KEY (matter_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX restrictions_that_hold ON restrictions (kind, order_ms, id) WHERE is_on;
        ALTER TABLE shifts ADD COLUMN opened TEXT;
        ALTER TABLE shifts ADD COLUMN handed_over TEXT;
        DELETE FROM notes WHERE name = 'register';
    """)


@migrations()
def roster(db: Database) -> None:
    """Keep households, what is said of persons in parts, and by what they are found; fold the register anew."""
    db.executescript("""
        CREATE TABLE person_facts (
            person_id TEXT, field TEXT, value TEXT NOT NULL, order_ms INTEGER NOT NULL, id TEXT NOT NULL,
            PRIMARY KEY (person_id, field)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE households (
            household TEXT PRIMARY KEY, address TEXT NOT NULL, compound TEXT NOT NULL, building TEXT NOT NULL,
            unit TEXT NOT NULL, room TEXT NOT NULL, grid TEXT NOT NULL, plates TEXT NOT NULL,
            order_ms INTEGER NOT NULL, id TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE roster_keys (
            key TEXT, field TEXT, subject TEXT, PRIMARY KEY (key, field, subject)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE roster_sources (
            source TEXT, person_id TEXT, PRIMARY KEY (source, person_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX persons_by_household ON persons (household, address);
        CREATE INDEX numbers_by_tail ON numbers (tail) WHERE tail <> '';
        CREATE INDEX passes_in_order ON passes (issued_ms);
        DELETE FROM notes WHERE name = 'register';
    """)


@migrations()
def vehicles(db: Database) -> None:
    """Keep the last trip of every vehicle; fold the register anew."""
    db.executescript("""
        CREATE TABLE vehicles (
            pass_id TEXT PRIMARY KEY, plate TEXT NOT NULL, kind TEXT NOT NULL, driver_id TEXT NOT NULL,
            driver TEXT NOT NULL, household TEXT NOT NULL, address TEXT NOT NULL, said TEXT NOT NULL,
            station TEXT NOT NULL, order_ms INTEGER NOT NULL, id TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX vehicles_by_plate ON vehicles (plate, order_ms) WHERE plate <> '';
        DELETE FROM notes WHERE name = 'register';
    """)


@migrations()
def retention(db: Database) -> None:
    """Let an event's body be emptied, once, where the community has acknowledged it and a purge is under way."""
    unchanged = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _HEADER.split())
    change = f"""
        ALTER TABLE events ADD COLUMN purge_id TEXT;
        CREATE INDEX events_of_purges ON events (purge_id, n) WHERE purge_id IS NOT NULL;
        DROP TRIGGER events_never_change;
        CREATE TRIGGER events_never_change BEFORE UPDATE ON events WHEN NOT coalesce(
                OLD.purge_id IS NULL
                AND NEW.purge_id = (SELECT value ->> '$.purge_id' FROM notes WHERE name = 'purge')
                AND OLD.n <= (SELECT max(n) FROM deliveries)
                AND {unchanged}, 0)
            BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
    """  # noqa: S608 - our own column names
    db.executescript(change)


_HEADER = "n epoch seq id kind at_ms device_ms drift_ms suspect shift guard body_sha256 prev hash"
"""What stays of an event for good: the columns that its hash covers, and the hash."""


@migrations()
def witnessed_heads(db: Database) -> None:
    """Keep the newest head that each other station was seen to sign, by its epochs, and what is doubted about it."""
    db.executescript("""
        CREATE TABLE witnessed (
            station TEXT, epoch TEXT, seq INTEGER NOT NULL, hash TEXT NOT NULL, public_key TEXT NOT NULL,
            at_ms INTEGER NOT NULL, since_ms INTEGER, doubt TEXT, told_seq INTEGER NOT NULL DEFAULT 0,
            reported INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (station, epoch)
        ) STRICT, WITHOUT ROWID;
    """)


def migrate(connection: Any, version: int) -> None:
    """Bring the file behind `connection` to the newest tables, and note `version` in it as done."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {version:d}")
    connection.commit()
