"""Wrong clocks, hostile gates and stolen keys: nobody is locked out of home, nobody gets a second trip."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from passes.keys import IssuingKey
from passes.kinds import PRESETS, Kind
from passes.reasons import Reason
from passes.token import PassClaims, issue_token
from passes.trips import Direction
from passes.trust import TrustedKey
from station.corrections import confirm_clock
from station.feed import Feed, read_feed
from station.issuing import Application, IssuingError, suspend
from station.register import Register
from sync.bodies import HolderBanned, KindSet, PassIssued
from sync.events import OFFICE, canonical_json
from sync.wire import FeedAnswer, FeedItem
from tests.station.post import COMMUNITY, KEY, SHANGHAI, Post, reading, trust_list

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY
DAY_S = 24 * 3600


def feed(post: Post, *facts: tuple[str, str, msgspec.Struct | bytes]) -> None:
    """Bring events of other stations: the station, the kind, the body or its bytes."""
    store = Feed(post.journal.connection, post.journal.path, "G1", SHANGHAI)
    items = [
        FeedItem(
            station=station,
            epoch="e",
            seq=seq,
            id=f"{station}-{seq}",
            kind=kind,
            at_ms=post.clock.now_ms(),
            body=msgspec.Raw(body if isinstance(body, bytes) else canonical_json(body)),
        )
        for seq, (station, kind, body) in enumerate(facts, 1)
    ]
    answer = FeedAnswer(
        community=COMMUNITY, generation="g", server_time_ms=0, cursor=f"c{len(items)}", items=items, more=True
    )
    assert store.take(answer, post.clock.now_ms()) == len(items)


def test_a_clock_that_ran_ahead_gives_no_trips_without_end(post: Post) -> None:
    row = post.issue()
    post.clock.move(DAY_S)
    post.pass_through(row, EXIT)
    post.pass_through(row, ENTRY)
    post.clock.move(-DAY_S)
    confirm_clock(post.journal, post.register, post.clock, "李四")

    assert post.pass_through(row, EXIT).outcome == "allowed"
    assert post.pass_through(row, ENTRY).outcome == "allowed"
    assert post.pass_through(row, EXIT).verdict.reasons == (Reason.OVER_LIMIT,)


def test_a_flat_battery_makes_no_kind_unknown_on_the_way_home(post: Post) -> None:
    student = Kind("student", "Student", EXIT)
    feed(post, (OFFICE, "kind.set", KindSet(kind=student, effective_ms=post.clock.now_ms() - 1)))
    asked = Application("王小明", "3-2-501", student, date(2026, 1, 1), date(2026, 12, 31))
    row = post.desk.issue(asked)
    post.pass_through(row, EXIT)
    post.clock.ms = 1_577_836_800_000  # the year 2020

    assert post.gate.scan(row.token, ENTRY).verdict.reasons == (Reason.CLOCK_SUSPECT,)


def test_a_minute_between_scan_and_reading_is_no_wrong_clock(post: Post) -> None:
    scan = post.gate.scan(post.issue().token, EXIT)
    post.clock.move(61)
    post.issue("张三")

    assert post.gate.measured(scan, [reading(36.5)]).verdict.reasons == ()


def test_a_stolen_key_cannot_write_a_known_pass_anew(tmp_path: Path) -> None:
    entry = TrustedKey(
        KEY.key_id, KEY.public_key, COMMUNITY, withdrawn_at_ms=1_900_000_000_000, honoured_before_ms=1_900_000_000_000
    )
    post = Post(tmp_path, trust=trust_list(entry))
    row = post.issue()
    claims = PassClaims(
        bytes.fromhex(row.pass_id), COMMUNITY, "exempt", date(2020, 1, 1), date(2099, 1, 1), "王小明", "3-2-501"
    )

    assert post.gate.verify(row.token, EXIT).verdict.reasons == ()
    assert post.gate.verify(row.number, EXIT).verdict.reasons == (Reason.TYPED,)
    assert post.gate.verify(issue_token(claims, KEY), EXIT).verdict.reasons == (Reason.WITHDRAWN_KEY,)
    post.journal.close()


def test_what_cannot_be_read_is_kept_and_stops_nobody(post: Post) -> None:
    row = post.issue()
    feed(
        post,
        (OFFICE, "mode.set", b'{"mode":"lockdown","effective_ms":0}'),
        ("G2", "holder.banned", b"{}"),
        (
            "G2",
            "pass.suspended",
            b'{"pass_id":"' + row.pass_id.encode() + b'","reason":"x","order_ms":1' + b"0" * 30 + b"}",
        ),
        ("G2", "passage.missed", b'{"pass_id":"x","direction":"exit","leg":"first","happened_ms":-1,"reason":"x"}'),
        ("G2", "future.kind", b'{"a":[1]}'),
        ("G2", "holder.banned", HolderBanned(holder_id=row.holder_id)),
    )

    assert post.gate.verify(row.token, EXIT).verdict.reasons == (Reason.BANNED,)
    Register(post.journal, SHANGHAI).rebuild()
    assert post.gate.verify(row.token, EXIT).verdict.reasons == (Reason.BANNED,)
    assert len(list(read_feed(post.journal.connection))) == 6


@pytest.mark.parametrize("fields", [{}, {"holder_id": "h", "household": "x"}])
def test_an_order_is_about_a_person_or_a_household(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either holder_id or household"):
        HolderBanned(**fields)


def test_a_name_that_the_feed_left_out_spoils_no_person(post: Post) -> None:
    row = post.issue()
    visitor = msgspec.structs.asdict(row)
    body = PassIssued(
        pass_id="ff" * 16,
        number="AAA-BBB-CCC",
        pass_kind="visitor",
        holder="",
        holder_id=row.holder_id,
        key_id="00",
        **{name: visitor[name] for name in ("household", "address", "valid_from", "valid_until", "token")},
    )
    feed(post, ("G2", "pass.issued", body))

    assert post.issue().holder_id == row.holder_id


def test_one_row_of_a_list_issued_at_two_gates_is_known_at_both(post: Post) -> None:
    asked = Application("王小明", "3-2-501", PRESETS["resident"], date(2026, 1, 1), date(2026, 12, 31), source="row-1")
    row = post.desk.issue(asked)
    other = msgspec.structs.asdict(row)
    body = PassIssued(
        pass_id="ff" * 16,
        number="AAA-BBB-CCC",
        pass_kind=row.kind,
        key_id="00",
        **{
            name: other[name]
            for name in ("holder", "holder_id", "household", "address", "valid_from", "valid_until", "token", "source")
        },
    )
    feed(post, ("G2", "pass.issued", body))

    assert {known.pass_id for known in post.register.find_passes()} == {row.pass_id, "ff" * 16}


def test_a_resting_pass_cannot_be_replaced_by_a_good_one(post: Post) -> None:
    row = post.issue()
    suspend(post.journal, post.register, post.clock, row, reason="x")

    with pytest.raises(IssuingError, match="restore it first"):
        post.desk.replace(row, reason="worn")


def test_a_strangers_key_is_unknown(post: Post) -> None:
    claims = PassClaims(bytes(16), COMMUNITY, "resident", date(2026, 1, 1), date(2026, 12, 31), "王小明", "3-2-501")

    assert post.gate.verify(issue_token(claims, IssuingKey.generate()), EXIT).verdict.reasons == (Reason.UNKNOWN_KEY,)
