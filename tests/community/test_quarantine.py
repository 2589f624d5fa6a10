import hashlib
import json
from typing import Any

import msgspec
import pytest

from sync.community.database import events, quarantine
from sync.community.screening import MAX_INTEGER, MAX_LINE_BYTES, MAX_NAME_CHARS, Rejection, Screen
from sync.events import GENESIS, Clock, Event, canonical_json, recompute_hash, to_json
from sync.wire import EventAnswer
from tests.community.conftest import NOW_MS, Chain, Server, answers_of, passage

HOSTILE = [
    *["[/]", "[@click=app.quit]x[/]", "=1+1", "\u202eevil", "\x1b[2J", "a\0b"],
    *["';DROP TABLE events;--", "\t\\N\\.", "𠮷"],
]


def resealed(event: Event, body: bytes | None = None, **header: Any) -> Event:
    """Change an event and close it with the hash that fits again, as a wrong or hostile station would."""
    raw = bytes(event.body) if body is None else body
    changed = msgspec.structs.replace(
        event, body=msgspec.Raw(raw), body_sha256=hashlib.sha256(raw).hexdigest(), **header
    )
    return msgspec.structs.replace(changed, hash=recompute_hash(changed))


def good() -> Event:
    return Chain("east").add()


def wrong_lines() -> dict[str, bytes]:
    event = good()
    fields = json.loads(to_json(event))
    return {
        "no JSON": b"what is this",
        "empty": b"",
        "half": to_json(event)[:-20],
        "an array": b"[]",
        "UTF-16": to_json(event).decode().encode("utf-16"),
        "broken UTF-8 in the header": to_json(event).replace("王五".encode(), b"\xff\xfe"),
        "broken UTF-8 in an unknown body": to_json(resealed(event, b'{"x":"\xff"}', kind="new.kind")),
        "lone surrogate": to_json(event).replace("王五".encode(), b"\\ud800"),
        "deep": b"[" * 100_000,
        "field missing": json.dumps({name: fields[name] for name in fields if name != "prev"}).encode(),
        "field of a wrong type": json.dumps({**fields, "seq": "1"}).encode(),
        "seq 0": to_json(resealed(event, seq=0)),
        "seq beyond a bigint": to_json(resealed(event, seq=2**63)),
        "seq of 4000 digits": json.dumps(fields).replace('"seq": 1', '"seq": ' + "9" * 4000).encode(),
        "at before 1970": to_json(resealed(event, at_ms=-1)),
        "at after 9999": to_json(resealed(event, at_ms=10**17)),
        "clock": to_json(resealed(event, clock=Clock(device_ms=MAX_INTEGER + 1))),
        "drift": to_json(resealed(event, clock=Clock(device_ms=1, drift_ms=-(2**70)))),
        "hash": to_json(msgspec.structs.replace(event, hash=GENESIS)),
        "hash in capitals": to_json(msgspec.structs.replace(event, hash=event.hash.upper())),
        "prev": to_json(resealed(event, prev="0" * 63)),
        "changed header": to_json(msgspec.structs.replace(event, at_ms=event.at_ms + 1)),
        "changed body": to_json(event).replace("张1".encode(), "李1".encode()),
        "another station": to_json(Chain("west").add()),
        "no epoch": to_json(resealed(event, epoch="")),
        "long epoch": to_json(resealed(event, epoch="9" * (MAX_NAME_CHARS + 1))),
        "long kind": to_json(resealed(event, kind="k" * 10_000)),
        "NUL in the shift": to_json(resealed(event, shift="a\0b")),
        "NUL in the guard": to_json(resealed(event, guard="\0")),
        "NUL in the kind": to_json(resealed(event, kind="new\0kind")),
        "wrong body": to_json(resealed(event, b'{"outcome":"allowed"}')),
        "wrong value in the body": to_json(resealed(event, bytes(event.body).replace(b'"exit"', b'"sideways"'))),
        "huge line": to_json(resealed(event, json.dumps("x" * MAX_LINE_BYTES).encode(), kind="new.kind")),
    }


def test_wrong_lines_are_kept_aside_and_do_not_stop_the_rest(server: Server) -> None:
    chain = Chain("east")
    first, last = chain.many(2)
    wrong = list(wrong_lines().values())
    body = b"\n".join([to_json(first), *wrong, to_json(last), b""])
    for good_status in ("stored", "already"):
        answers = answers_of(server.post("east", body))
        assert [answer.line for answer in answers] == list(range(len(wrong) + 2))
        assert [answer.status for answer in answers] == [good_status, *["quarantined"] * len(wrong), good_status]
        assert all(answer.reason for answer in answers if answer.status == "quarantined")
    rows = server.rows(quarantine)
    assert sorted(row.line for row in rows) == sorted(wrong)
    assert all(row.digest == hashlib.sha256(row.line).hexdigest() and row.received_at_ms == NOW_MS for row in rows)
    assert len(server.rows(events)) == 2


@pytest.mark.parametrize("name", sorted(wrong_lines()))
def test_every_reason_names_what_is_wrong(name: str) -> None:
    found = Screen("east").look(wrong_lines()[name])
    assert isinstance(found, Rejection)
    assert ": " in found.reason
    assert "\0" not in found.reason
    assert len(found.reason) < 500


def test_a_reason_with_a_hostile_name_can_be_stored(server: Server) -> None:
    line = to_json(resealed(good(), station="we\0st\u202e" + "x" * 5000))
    answer = answers_of(server.post("east", line))[0]
    assert answer.status == "quarantined"
    assert server.rows(quarantine)[0].line == line


def test_unknown_kinds_are_stored(server: Server) -> None:
    bodies = [b'{"b":1, "a" : [1.50, "\\u0000 \\n"]}', b"null", b'"text"', canonical_json({"z": "新"})]
    chain = Chain("east")
    sent = [resealed(chain.add(), body, kind="from.the.future") for body in bodies]
    assert [answer.status for answer in server.send("east", sent)] == ["stored"] * 4
    assert [row.body.encode() for row in server.rows(events)] == bodies


def test_hostile_text_is_stored_as_it_came(server: Server) -> None:
    chain = Chain("east")
    sent = [chain.add(passage(text, remark=text)) for text in HOSTILE]
    sent += [chain.add(guard=text, shift=text) for text in HOSTILE if "\0" not in text]
    assert server.send("east", sent) == [EventAnswer(line=line, status="stored") for line in range(len(sent))]
    assert [row.body.encode() for row in server.rows(events)] == [bytes(event.body) for event in sent]
    assert [row.guard for row in server.rows(events)] == [event.guard for event in sent]


def test_what_the_database_writes_in_its_own_way_is_stored_as_it_came(server: Server) -> None:
    marks = ["a\tb", "a\nb", "a\rb", "a\\b", r"\N", r"\.", "张\t\\"]
    chain = Chain("east")
    sent = [resealed(chain.add(), kind=f"new.{mark}", id=mark, shift=mark, guard=mark) for mark in marks]
    sent += [resealed(chain.add(), b'{"a":\t1,\r"b" : "\\\\N"}', kind="new.kind", shift=None, guard=None)]
    sent += [resealed(Chain("east", epoch=mark).add()) for mark in marks]
    for status in ("stored", "already"):
        assert [answer.status for answer in server.send("east", sent)] == [status] * len(sent)
    found = {(row.epoch, row.seq): row for row in server.rows(events)}
    for event in sent:
        row = found[event.epoch, event.seq]
        assert (row.kind, row.id, row.shift, row.guard) == (event.kind, event.id, event.shift, event.guard)
        assert row.body.encode() == bytes(event.body)
        clock = event.clock
        assert (row.device_ms, row.drift_ms, row.suspect) == (clock.device_ms, clock.drift_ms, clock.suspect)
        assert (row.body_sha256, row.prev, row.hash) == (event.body_sha256, event.prev, event.hash)


@pytest.mark.parametrize("drift_ms", [None, -7, 2**40])
@pytest.mark.parametrize("text", [None, "王五", 'a"\\\n\u2028', "\x1b[2J"])
def test_the_hash_is_made_from_sorted_keys(text: str | None, drift_ms: int | None) -> None:
    clock = Clock(device_ms=NOW_MS, drift_ms=drift_ms, suspect=drift_ms is None)
    event = Chain("east").add(guard=text, shift=text, clock=clock)
    header = {name: value for name, value in json.loads(to_json(event)).items() if name not in {"body", "hash"}}
    as_written = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_json(header).decode() == as_written
    assert event.hash == recompute_hash(event) == hashlib.sha256(canonical_json(header)).hexdigest()
