"""Walking the journals at the community, emptied ones too."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sync.community import purging, verifying
from sync.community.database import events, reading, writing
from sync.community.purging import purge
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
from sync.community.verifying import BrokenJournalError, verify_journals
from tests.community.conftest import COMMUNITY, NOW_MS
from tests.community.gates import DAY_MS, Gate

SETTINGS = CommunitySettings(
    CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"), DatabaseTable("sqlite:///x"), ServerTable("http://127.0.0.1")
)
LATER_MS = NOW_MS + 100 * DAY_MS


@pytest.fixture
def east(engine: sa.Engine) -> Gate:
    return Gate(engine, "east")


def body_of(engine: sa.Engine, seq: int = 1) -> str:
    query = sa.select(events.c.body).where(events.c.station == "east", events.c.seq == seq)
    with reading(engine) as connection:
        return str(connection.execute(query).scalar_one())


def test_what_has_not_arrived_breaks_nothing(engine: sa.Engine, east: Gate) -> None:
    for number in range(4):
        east.leg("a", "first", NOW_MS + number)
    del east.unsent[1:3]
    east.push()
    found = verify_journals(engine, COMMUNITY)
    assert (found.journals, found.events, found.missing) == (1, 2, 2)


@pytest.mark.parametrize("tampering", ["body", "stays", "hash", "flag"])
def test_what_was_changed_is_found(engine: sa.Engine, east: Gate, tampering: str) -> None:
    east.leg("a", "first", NOW_MS)
    east.push()
    purge(engine, SETTINGS, LATER_MS)
    young = east.leg("b", "first", LATER_MS)
    east.push()
    verify_journals(engine, COMMUNITY)
    changes: dict[str, tuple[int, dict[str, str]]] = {
        "body": (2, {"body": bytes(young.body).decode().replace("exit", "entry")}),
        "stays": (1, {"body": body_of(engine).replace("exit", "entry")}),
        "hash": (2, {"guard": "别人"}),
        "flag": (2, {"body": "{}", "purge_id": "made up"}),
    }
    seq, values = changes[tampering]
    with writing(engine) as connection:
        connection.execute(sa.update(events).where(events.c.station == "east", events.c.seq == seq).values(**values))
    with pytest.raises(BrokenJournalError):
        verify_journals(engine, COMMUNITY)


def test_a_purge_meanwhile_is_not_seen_in_part(engine: sa.Engine, east: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    east.leg("a", "first", NOW_MS)
    east.push()
    whole = verifying._check_certificates

    def after_a_purge(connection: sa.Connection, community: str) -> Iterator[str]:
        purge(engine, SETTINGS, LATER_MS)
        return whole(connection, community)

    monkeypatch.setattr(purging, "scrub", lambda _engine: True)
    monkeypatch.setattr(verifying, "_check_certificates", after_a_purge)
    found = verify_journals(engine, COMMUNITY)
    assert (found.events, found.purged, found.certificates) == (1, 0, 0)
    monkeypatch.undo()
    found = verify_journals(engine, COMMUNITY)
    assert (found.events, found.purged, found.certificates) == (2, 1, 1)
