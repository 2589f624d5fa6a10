"""Events: what their hash covers, their JSON form, their ids."""

import hashlib
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.bodies import BODY_TYPES, Attempt, Body, HolderBanned, PassageRecorded, PassRevoked, ShiftOpened
from sync.events import (
    GENESIS,
    Clock,
    Event,
    canonical_json,
    from_json,
    is_intact,
    new_id,
    read_body,
    recompute_hash,
    seal,
    to_json,
)

AT_MS = 1_770_422_400_000


def sealed(body: Body | None = None, **header: Any) -> Event:
    values: dict[str, Any] = {
        "station": "east",
        "epoch": "01",
        "seq": 7,
        "at_ms": AT_MS,
        "clock": Clock(device_ms=AT_MS + 3, drift_ms=3),
        "shift": "s1",
        "guard": "周师傅",
        "prev": GENESIS,
    }
    return seal(body or ShiftOpened(guards=["周师傅"]), **{**values, **header})


OTHER: dict[str, object] = {
    "station": "west",
    "epoch": "02",
    "seq": 8,
    "id": new_id(AT_MS),
    "kind": "shift.handed_over",
    "at_ms": AT_MS + 1,
    "clock": Clock(device_ms=AT_MS + 4, drift_ms=3),
    "shift": None,
    "guard": "郑师傅",
    "body": msgspec.Raw(b'{"guards":["\xe9\x83\x91"]}'),
    "body_sha256": "0" * 64,
    "prev": "1" * 64,
    "hash": "2" * 64,
}


def test_a_sealed_event_is_intact() -> None:
    event = sealed()

    assert is_intact(event)
    assert recompute_hash(event) == event.hash
    assert event.kind == "shift.opened"
    assert event.body_sha256 == hashlib.sha256(bytes(event.body)).hexdigest()


@pytest.mark.parametrize("field", Event.__struct_fields__)
def test_the_hash_covers_every_field(field: str) -> None:
    event = sealed()

    assert getattr(event, field) != OTHER[field]
    assert not is_intact(msgspec.structs.replace(event, **{field: OTHER[field]}))


@pytest.mark.parametrize("change", [{"device_ms": AT_MS}, {"drift_ms": None}, {"drift_ms": 4}, {"suspect": True}])
def test_the_hash_covers_every_field_of_the_clock(change: dict[str, object]) -> None:
    event = sealed()
    clock = msgspec.structs.replace(event.clock, **change)

    assert not is_intact(msgspec.structs.replace(event, clock=clock))


def test_a_new_body_under_its_own_digest_is_noticed_all_the_same() -> None:
    body = canonical_json(ShiftOpened(guards=["别人"]))
    forged = msgspec.structs.replace(sealed(), body=msgspec.Raw(body), body_sha256=hashlib.sha256(body).hexdigest())

    assert not is_intact(forged)


def test_the_chain_verifies_without_the_body() -> None:
    purged = msgspec.structs.replace(sealed(), body=msgspec.Raw(b"null"))

    assert recompute_hash(purged) == purged.hash


def test_the_hash_is_made_of_these_very_bytes() -> None:
    """Another program must be able to check a journal, so the canonical form is pinned here."""
    event = msgspec.structs.replace(sealed(), id="0", shift=None)
    header = (
        '{"at_ms":1770422400000,"body_sha256":"' + event.body_sha256 + '",'
        '"clock":{"device_ms":1770422400003,"drift_ms":3,"suspect":false},"epoch":"01","guard":"周师傅","id":"0",'
        '"kind":"shift.opened","prev":"' + GENESIS + '","seq":7,"shift":null,"station":"east"}'
    )

    assert recompute_hash(event) == hashlib.sha256(header.encode()).hexdigest()
    assert bytes(event.body) == '{"guards":["周师傅"]}'.encode()


def test_an_event_is_one_line_and_comes_back_whole() -> None:
    event = sealed(PassageRecorded(outcome="refused", direction="exit", verdict="refuse", scan="a\nb\x1b[2J\u202e[/]"))

    line = to_json(event)

    assert b"\n" not in line
    assert from_json(line) == event
    assert is_intact(from_json(line))


def test_a_body_keeps_its_bytes_however_they_are_written() -> None:
    written = b'{ "b": 1.0,\t"a": "\\u4e2d" , "b": 2 }'
    event = msgspec.structs.replace(
        sealed(), kind="robot.seen", body=msgspec.Raw(written), body_sha256=hashlib.sha256(written).hexdigest()
    )
    event = msgspec.structs.replace(event, hash=recompute_hash(event))

    back = from_json(to_json(event))

    assert bytes(back.body) == written
    assert is_intact(back)


def test_a_kind_of_a_newer_peer_is_kept_and_not_understood() -> None:
    line = to_json(sealed()).replace(b"shift.opened", b"shift.dreamt")

    assert from_json(line).kind == "shift.dreamt"
    assert read_body("shift.dreamt", b"\xff not even JSON") is None


def test_additions_of_a_newer_peer_do_no_harm() -> None:
    event = from_json(to_json(sealed()).replace(b'{"station"', b'{"new_header":1,"station"', 1))

    assert is_intact(event)
    assert read_body("pass.revoked", b'{"pass_id":"1","reason":"lost","new":{}}') == PassRevoked(
        pass_id="1", reason="lost"
    )


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", msgspec.DecodeError),
        (b"{", msgspec.DecodeError),
        (b"[]", msgspec.ValidationError),
        (b"{}", msgspec.ValidationError),
        (b'{"station":1}', msgspec.ValidationError),
        (b'{"station":"\xff"}', UnicodeDecodeError),
        (b'{"new":' + b"[" * 100_000, RecursionError),
    ],
)
def test_what_is_no_event_is_told(line: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        from_json(line)


def test_a_known_kind_with_a_wrong_body_is_told_with_its_field() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.direction"):
        read_body("passage.recorded", b'{"outcome":"allowed","direction":"up","verdict":"allow"}')


def test_ids_are_uuids_of_version_7_that_carry_their_time() -> None:
    made = [new_id(AT_MS) for _ in range(100)]

    assert len(set(made)) == 100
    for text in made:
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 7, uuid.RFC_4122)
        assert parsed.int >> 80 == AT_MS


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, unique=True))
def test_ids_sort_by_their_time(instants_ms: list[int]) -> None:
    assert [int(text.replace("-", "")[:12], 16) for text in sorted(map(new_id, instants_ms))] == sorted(instants_ms)


text = st.text(max_size=20)
attempts = st.builds(
    Attempt,
    celsius=st.floats(30, 45),
    at_ms=st.integers(0, 2**53),
    number=st.integers(1, 9),
    manual=st.booleans(),
    reason=st.none() | text,
    raw=st.none() | text,
)
passages = st.builds(
    PassageRecorded,
    outcome=st.sampled_from(["allowed", "refused", "turned_back"]),
    direction=st.sampled_from(["entry", "exit"]),
    verdict=st.sampled_from(["allow", "attention", "refuse"]),
    reasons=st.lists(text, max_size=3),
    leg=st.sampled_from([None, "first", "return"]),
    holder=st.none() | text,
    attempts=st.lists(attempts, max_size=3),
    remark=st.none() | text,
    typed=st.booleans(),
)
bodies: st.SearchStrategy[Body] = st.one_of(
    passages,
    st.builds(ShiftOpened, guards=st.lists(text), lead=st.none() | text),
    st.builds(HolderBanned, holder_id=text.filter(bool), reason=text),
)


@given(bodies, st.integers(1, 2**53), st.integers(0, 2**53), st.none() | text, st.none() | text)
def test_whatever_is_sealed_travels_unchanged(
    body: Body, seq: int, at_ms: int, shift: str | None, guard: str | None
) -> None:
    event = sealed(body, seq=seq, at_ms=at_ms, shift=shift, guard=guard, clock=Clock(device_ms=at_ms))

    back = from_json(to_json(event))

    assert back == event
    assert is_intact(back)
    assert read_body(back.kind, back.body) == body
    assert canonical_json(body) == bytes(back.body)


def test_every_kind_has_a_type_of_its_own() -> None:
    assert len(set(BODY_TYPES.values())) == len(BODY_TYPES)
