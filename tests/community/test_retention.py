"""Retention: old records lose what names people, and nothing else."""

import hashlib
import json
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa

from sync.bodies import (
    BODY_TYPES,
    HolderBanned,
    HolderUnbanned,
    PassIssued,
    PassRevoked,
    PersonRegistered,
    QuarantineOrdered,
    QuarantineReleased,
    RetentionPurged,
    Sealed,
)
from sync.community.certificates import write_certificates
from sync.community.conflicts import alerts, find_conflicts
from sync.community.daily import DailyReport, make_report
from sync.community.database import events, exports, forks, quarantine, reading, writing
from sync.community.exports import log_export
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.shiftlog import Selection, list_passages
from sync.community.tables_feed import conflicts, known_passes, legs
from sync.community.tables_retention import purges
from sync.community.verifying import Verified, verify_journals
from sync.events import OFFICE, read_body, recompute_hash, to_json
from sync.retention import RULES, Pseudonyms, emptied
from tests.community.conftest import COMMUNITY, NOW_MS, passage
from tests.community.gates import DAY_MS, HOUR_MS, Gate, Gates, issued, order, pull_all, push
from tests.community.oldtimes import LATER_MS, bodies, is_idle, play_old_times, rows, run

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMES = ("王小明", "3-2-501", "ABC-DEF-GHK", "代取药", "体温枪")


@pytest.fixture
def east(engine: sa.Engine) -> Gate:
    return Gate(engine, "east")


def hashes_of(engine: sa.Engine) -> list[str]:
    return [row.hash for row in sorted(rows(engine, events), key=lambda row: row.feed_no)]


def report(engine: sa.Engine, now_ms: int = LATER_MS) -> DailyReport:
    with reading(engine) as connection:
        return make_report(connection, COMMUNITY, SHANGHAI, date(2026, 2, 7), time.min, now_ms)


def test_every_kind_has_a_rule() -> None:
    missing = sorted(BODY_TYPES.keys() - RULES.keys())
    assert missing == [], "say in sync/retention.py what stays of these kinds when they are old"


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule is not None])
def test_what_stays_is_of_the_vocabulary_and_names_nobody(kind: str) -> None:
    rule = RULES[kind]
    assert rule is not None
    fields = {field.name for field in msgspec.structs.fields(BODY_TYPES[kind])}
    assert rule.keeps - {"until"} <= fields
    assert rule.fills.keys() <= fields
    personal = {"holder", "holder_id", "address", "household", "name", "person_id", "remark", "scan", "pass_number"}
    personal |= {"number", "token", "witness", "override_reason", "no_reading_reason", "outstanding", "source"}
    kept = rule.keeps & personal
    assert kept <= {"holder_id", "household"}
    about_people = {"holder", "watch", "quarantine", "health"}
    assert not kept or kind.partition(".")[0] in about_people, "a pseudonym takes their place"


def test_old_records_name_nobody_and_the_chain_verifies(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    find_conflicts(engine, COMMUNITY, NOW_MS)
    before, hashes = report(engine), hashes_of(engine)
    assert len(rows(engine, legs)) == 2
    with reading(engine) as connection:
        assert len(alerts(connection, COMMUNITY)) == 2

    done = run(engine)

    text = "".join(bodies(engine))
    assert [name for name in NAMES if name in text] == []
    assert done.events == {
        "pass.issued": 1,
        "pass.revoked": 1,
        "passage.recorded": 3,
        "passage.undone": 1,
        "person.registered": 1,
        "shift.handed_over": 1,
    }
    assert hashes_of(engine)[: len(hashes)] == hashes
    assert verify_journals(engine, COMMUNITY) == Verified(
        journals=2, events=len(hashes) + 1, purged=8, missing=0, certificates=1
    )
    assert rows(engine, legs) == []
    assert [row.household for row in rows(engine, known_passes)] == [None]
    with reading(engine) as connection:
        assert alerts(connection, COMMUNITY) == []
    after = report(engine)
    assert (after.total, after.stations) == (before.total, before.stations)
    assert before.total["fevers"] == 1
    assert before.total["passes_lost"] == 1


def test_a_purged_passage_is_shown_as_such(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    run(engine)
    found = list_passages(engine, COMMUNITY, Selection(station="east"), SHANGHAI)
    assert [(one.is_purged, one.body.holder, one.body.outcome) for one in found] == [
        (True, None, "allowed"),
        (True, None, "allowed"),
        (True, None, "refused"),
    ]
    assert [attempt.celsius for attempt in found[0].body.attempts] == [36.5]


def test_young_records_stay_whole(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    before = bodies(engine)
    assert is_idle(run(engine, NOW_MS + 29 * DAY_MS, passes=400))
    assert bodies(engine) == before
    assert rows(engine, purges) == []


def test_what_was_purged_and_comes_again_is_known_already(engine: sa.Engine, east: Gate) -> None:
    sent = [east.leg("a", "first", NOW_MS), east.leg("a", "return", NOW_MS + 1)]
    east.push()
    run(engine)
    before = bodies(engine)
    assert push(engine, "east", sent) == ["already", "already"]
    other = msgspec.structs.replace(sent[0], guard="别人")
    other = msgspec.structs.replace(other, hash=recompute_hash(other))
    assert push(engine, "east", [other]) == ["fork"]
    assert bodies(engine)[: len(before)] == before


def test_the_feed_says_nothing_of_what_was_purged(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    assert {item.kind for item in pull_all(engine)} > {"pass.issued", "passage.recorded", "pass.revoked"}
    run(engine)
    east.leg("b", "first", LATER_MS)
    east.push()
    assert [item.kind for item in pull_all(engine)] == ["passage.recorded"]


def test_what_is_still_in_force_stays(engine: sa.Engine, east: Gate) -> None:
    order(engine, HolderBanned(holder_id="p-a", reason="冲卡"), NOW_MS)
    order(engine, HolderBanned(holder_id="p-b", reason="冲卡"), NOW_MS)
    order(engine, HolderUnbanned(holder_id="p-b", reason="认错"), NOW_MS + 1)
    order(engine, QuarantineOrdered(holder_id="p-c", until="2026-12-31"), NOW_MS)
    order(engine, QuarantineOrdered(household="h9", until="2026-02-20"), NOW_MS)
    for one in ("a", "b", "c", "d"):
        east.record(issued(one, household=f"h-{one}"))
    east.record(PassIssued(**{**msgspec.structs.asdict(issued("e")), "valid_until": "2027-01-01"}))
    east.record(PassRevoked(pass_id="e", reason="void"))
    east.record(PassRevoked(pass_id="never heard of", reason="void"))
    east.push()

    done = run(engine)

    assert done.events == {"holder.banned": 1, "holder.unbanned": 1, "pass.issued": 2, "quarantine.ordered": 1}
    left = [item for item in pull_all(engine) if item.kind in {"holder.banned", "quarantine.ordered", "pass.issued"}]
    named = [json.loads(bytes(item.body)) for item in left]
    assert [body.get("holder_id") for body in named] == ["p-a", "p-c", "p-a", "p-c", "p-e"]
    assert sum(item.kind == "pass.revoked" for item in pull_all(engine)) == 2


def test_a_limit_for_longer_than_passages_are_kept_still_counts(engine: sa.Engine, east: Gate) -> None:
    year = {"valid_until": "2027-01-01", "pass_kind": "single_use"}
    east.record(PassIssued(**{**msgspec.structs.asdict(issued("long")), **year}))
    east.leg("long", "first", NOW_MS, pass_kind="single_use")
    east.leg("resident", "first", NOW_MS)
    east.push()
    assert run(engine).events == {"passage.recorded": 1}
    assert [json.loads(bytes(item.body)).get("pass_id") for item in pull_all(engine)] == ["long", "long"]


def test_a_sealed_number_stays_until_a_newer_one_comes(engine: sa.Engine, east: Gate) -> None:
    person = PersonRegistered(person_id="p-a", name="王小明", household="h1", address="3-2-501")
    number, phone = (Sealed(box=f"{name}-box", digest=f"{name}-digest") for name in ("id", "phone"))
    with_number = msgspec.structs.replace(person, id_number=number)
    east.record(with_number)
    east.record(msgspec.structs.replace(person, name="王晓明", phone=phone))
    east.record(person)
    east.push()
    before = bodies(engine)
    assert run(engine).events == {}
    assert bodies(engine) == before
    east.record(with_number)
    east.push()
    assert run(engine).events == {"person.registered": 2}
    left = [json.loads(body) for body in bodies(engine)]
    assert [sorted(body.keys() & {"id_number", "phone"}) for body in left[:4]] == [[], ["phone"], [], ["id_number"]]


def test_what_a_server_with_a_slow_clock_received_is_as_old_as_its_gate_says(engine: sa.Engine, east: Gate) -> None:
    east.leg("a", "first", LATER_MS - DAY_MS)
    east.leg("b", "first", LATER_MS + 900 * DAY_MS)
    old = east.leg("c", "first", NOW_MS - 900 * DAY_MS)
    order(engine, HolderUnbanned(holder_id="p-b", reason="认错"), LATER_MS - DAY_MS)
    with writing(engine) as connection:
        connection.execute(sa.update(events).where(events.c.station == OFFICE).values(received_at_ms=NOW_MS))
    east.push()
    assert run(engine).events == {"passage.recorded": 1}
    assert [row.id for row in rows(engine, events) if row.purge_id] == [old.id]
    assert run(engine, LATER_MS + 91 * DAY_MS).events == {"passage.recorded": 1, "holder.unbanned": 1}


def test_isolation_is_counted_as_before(engine: sa.Engine) -> None:
    order(engine, QuarantineOrdered(holder_id="p-a", until="2026-02-20"), NOW_MS - 3 * DAY_MS)
    order(engine, QuarantineOrdered(holder_id="p-a", until="2026-02-21"), NOW_MS)
    order(engine, QuarantineOrdered(household="h2"), NOW_MS)
    order(engine, QuarantineReleased(household="h2"), NOW_MS + HOUR_MS)
    before = report(engine)
    counts = {name: count for name, count in before.total.items() if name.startswith("isolation")}
    assert counts == {"isolation_new": 1, "isolation_total": 2, "isolation_active": 1, "isolation_released": 1}
    assert run(engine).events == {"quarantine.ordered": 3, "quarantine.released": 1}
    assert report(engine).total == before.total
    assert "p-a" not in "".join(bodies(engine))


def test_lines_put_aside_and_the_export_log_are_emptied_too(engine: sa.Engine, east: Gate) -> None:
    first = east.leg("a", "first", NOW_MS)
    east.push()
    fork = msgspec.structs.replace(first, kind="passage.recorded", guard="王小明")
    fork = msgspec.structs.replace(fork, hash=recompute_hash(fork))
    batch = read_batch(engine, Setting(COMMUNITY, "east", NOW_MS), [to_json(fork), '{"王小明": 1}'.encode()])
    store_batch(engine, batch)
    log_export(
        engine,
        COMMUNITY,
        staff_name="孙主任",
        selection='{"holder_id":"p-a"}',
        file_format="csv",
        count=1,
        unmasked=True,
        now_ms=NOW_MS,
    )
    done = run(engine, exports=90)
    assert {name: count for name, count in done.rows.items() if count} == {
        "forks": 1,
        "quarantine": 1,
        "exports": 1,
        "legs": 1,
    }
    assert [bytes(row.line) for row in rows(engine, forks)] == [b""]
    assert [(bytes(row.line), row.reason) for row in rows(engine, quarantine)] == [(b"", "purged")]
    assert [(row.selection, row.staff_name, row.passages) for row in rows(engine, exports)] == [("{}", "孙主任", 1)]
    store_batch(engine, read_batch(engine, Setting(COMMUNITY, "east", NOW_MS), [to_json(fork)]))
    assert [bytes(row.line) for row in rows(engine, forks)] == [b""]


def test_closed_conflicts_lose_their_pass(engine: sa.Engine) -> None:
    gates = Gates(engine)
    gates.east.leg("a", "first", NOW_MS)
    gates.west.leg("a", "first", NOW_MS + HOUR_MS)
    gates.west.leg("b", "first", NOW_MS)
    gates.east.leg("b", "first", NOW_MS + HOUR_MS)
    gates.meet()
    (conflict,) = [row for row in rows(engine, conflicts) if row.pass_id == "a"]
    gates.close(conflict.conflict_id, reason="王小明 借证")
    done = run(engine)
    assert (done.events["conflict.found"], done.events["conflict.closed"]) == (1, 1)
    assert sorted(row.pass_id for row in rows(engine, conflicts)) == ["b", "purged"]
    assert "王小明" not in "".join(bodies(engine))
    find_conflicts(engine, COMMUNITY, LATER_MS)
    assert len(rows(engine, conflicts)) == 2


def test_nothing_stays_of_a_kind_that_is_not_known(engine: sa.Engine, east: Gate) -> None:
    body = '{"name":"王小明"}'.encode()
    event = msgspec.structs.replace(
        east.chain.add(),
        kind="someday.recorded",
        body=msgspec.Raw(body),
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
    event = msgspec.structs.replace(event, hash=recompute_hash(event))
    assert push(engine, "east", [event]) == ["stored"]
    assert run(engine).events == {}
    assert run(engine, other=50).events == {"someday.recorded": 1}
    assert bodies(engine)[0] == "{}"
    assert verify_journals(engine, COMMUNITY).purged == 1


def test_the_certificate_stands_in_the_offices_chain_and_in_a_file(
    engine: sa.Engine, east: Gate, tmp_path: Path
) -> None:
    play_old_times(east)
    done = run(engine)
    assert done.event is not None
    body = read_body(done.event.kind, done.event.body)
    assert isinstance(body, RetentionPurged)
    assert (done.event.station, done.event.guard, body.events) == (OFFICE, "孙主任", done.events)
    (path,) = write_certificates(engine, COMMUNITY, tmp_path, SHANGHAI)
    told = json.loads(path.read_text("utf-8"))
    assert (told["event"]["hash"], told["digest"], told["by"]) == (done.event.hash, body.digest, "孙主任")
    assert write_certificates(engine, COMMUNITY, tmp_path, SHANGHAI) == []
    path.unlink()
    assert write_certificates(engine, COMMUNITY, tmp_path, SHANGHAI) == [path]


def test_emptied_bodies_are_read_as_what_they_were() -> None:
    body = passage("王小明", household="h1", remark="x", scan="y")
    raw = msgspec.json.encode(body).decode()
    stays = read_body("passage.recorded", emptied("passage.recorded", raw, Pseudonyms()).encode())
    assert stays == passage(None, address=None, pass_id=None, pass_number=None)  # type: ignore[arg-type] # nobody
    assert emptied("passage.recorded", "[", Pseudonyms()) == "{}"
    assert emptied("kind.set", raw, Pseudonyms()) == raw
