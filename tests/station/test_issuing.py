"""The desk: passes issued with the station's own key, and ended."""

import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from passes.errors import UsageError
from passes.kinds import PRESETS
from passes.number import number_of
from passes.token import read_token
from passes.trips import Direction
from station import issuing
from station.issuing import Application, IssuingError
from sync.bodies import PassIssued, PassRevoked
from sync.events import read_body
from tests.station.post import COMMUNITY, KEY, Post, trust_list

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def application(holder: str = "王小明", address: str = "3-2-501", household: str | None = None) -> Application:
    return Application(holder, address, PRESETS["resident"], FIRST, LAST, household)


def test_an_issued_pass_is_signed_recorded_and_known(post: Post) -> None:
    row = post.desk.issue(application())

    token = read_token(row.token, trust_list())
    assert (token.claims.pass_id.hex(), token.claims.community, token.claims.holder) == (
        row.pass_id,
        COMMUNITY,
        "王小明",
    )
    assert (token.claims.valid_from, token.claims.valid_until, token.claims.kind) == (FIRST, LAST, "resident")
    assert (row.number, row.state) == (number_of(bytes.fromhex(row.pass_id)), "active")
    ((_n, event),) = post.journal.read()
    body = read_body(event.kind, event.body)
    assert isinstance(body, PassIssued)
    assert (body.token, body.key_id, body.number) == (row.token, KEY.key_id.hex(), row.number)
    assert post.register.find_pass(row.pass_id) == row


def test_a_household_is_the_address_unless_named(post: Post) -> None:
    assert post.desk.issue(application()).household == "3-2-501"
    assert post.desk.issue(application(household="h7")).household == "h7"


def test_every_pass_has_a_holder_and_an_id_of_its_own(post: Post) -> None:
    rows = [post.desk.issue(application(f"王小明{number}")) for number in range(20)]

    for name in ("pass_id", "number", "holder_id", "token"):
        assert len({getattr(row, name) for row in rows}) == 20


def test_a_second_pass_of_the_same_person_has_the_same_holder(post: Post) -> None:
    """So that a ban on the person holds for every pass."""
    first, second = post.desk.issue(application()), post.desk.issue(application())
    neighbour = post.desk.issue(application(address="3-2-502"))

    assert first.holder_id == second.holder_id != neighbour.holder_id


def random_bytes(*values: bytes) -> Callable[[int], bytes]:
    """Stand in for the system's randomness, which never would."""
    left = iter(values)
    return lambda _size: next(left)


def test_a_number_that_is_taken_is_not_given_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, same_number, free = b"\x01" * 16, b"\x01" * 5 + b"\x02" * 11, b"\x03" * 16
    assert number_of(taken) == number_of(same_number)
    monkeypatch.setattr(secrets, "token_bytes", random_bytes(taken, same_number, same_number, free))

    first, second = post.desk.issue(application("甲")), post.desk.issue(application("乙"))

    assert (first.pass_id, second.pass_id) == (taken.hex(), free.hex())
    assert first.number != second.number
    assert issuing.find(post.register, second.number) == second


def test_the_number_of_a_revoked_pass_stays_taken(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_bytes", random_bytes(b"\x01" * 16, b"\x01" * 16, b"\x03" * 16))
    first = post.desk.issue(application())
    issuing.revoke(post.journal, post.register, post.clock, first, reason="lost")

    assert post.desk.issue(application()).number != first.number


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (application(holder=""), "holder"),
        (application(holder="王" * 14), "holder"),
        (application(holder="\ud800"), "holder"),
        (application(address=" "), "address"),
        (application(address="a\nb"), "address"),
        (application(household=""), "household"),
        (application(household="x" * 61), "household"),
    ],
)
def test_a_wrong_application_records_nothing(post: Post, asked: Application, field: str) -> None:
    with pytest.raises(UsageError) as caught:
        post.desk.issue(asked)

    assert caught.value.values["field"] == field
    assert post.rows() == []


@pytest.mark.parametrize("days", [(LAST, FIRST), (date(1, 1, 1), LAST)])
def test_wrong_days_record_nothing(post: Post, days: tuple[date, date]) -> None:
    with pytest.raises(UsageError):
        post.desk.issue(Application("王小明", "1", PRESETS["resident"], *days))

    assert post.rows() == []


def test_one_day_is_a_validity(post: Post) -> None:
    assert post.desk.issue(Application("王小明", "1", PRESETS["visitor"], FIRST, FIRST)).valid_until == "2026-01-01"


def test_two_desks_on_one_folder_share_their_numbers(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Post(post.folder, post.clock)
    monkeypatch.setattr(secrets, "token_bytes", random_bytes(b"\x01" * 16, b"\x01" * 16, b"\x03" * 16))
    try:
        assert post.desk.issue(application()).number != other.desk.issue(application()).number
        assert post.journal.verify() == 2
    finally:
        other.journal.close()


def test_a_pass_ends_once(post: Post) -> None:
    row = post.desk.issue(application())

    issuing.revoke(post.journal, post.register, post.clock, row, reason="lost")
    with pytest.raises(IssuingError, match="already been revoked"):
        issuing.revoke(post.journal, post.register, post.clock, row, reason="void")

    known = issuing.find(post.register, row.number)
    assert (known.state, known.detail) == ("revoked", "lost")
    assert post.rows() == ["pass.issued", "pass.revoked"]


def test_a_destroyed_pass_names_its_witness(post: Post) -> None:
    row = post.desk.issue(application())

    for witness in (None, "", " "):
        with pytest.raises(UsageError):
            issuing.revoke(post.journal, post.register, post.clock, row, reason="destroyed", witness=witness)
    issuing.revoke(post.journal, post.register, post.clock, row, reason="destroyed", witness="钱师傅")

    *_before, (_n, event) = post.journal.read()
    assert read_body(event.kind, event.body) == PassRevoked(pass_id=row.pass_id, reason="destroyed", witness="钱师傅")


def test_whoever_is_out_comes_home_with_a_revoked_pass(post: Post) -> None:
    row = post.desk.issue(application())
    post.pass_through(row, Direction.EXIT)
    issuing.revoke(post.journal, post.register, post.clock, row, reason="withdrawn")

    home = post.gate.scan(row.token, Direction.ENTRY)

    assert home.verdict.outcome.value == "attention"


def test_a_number_is_found_however_it_is_typed(post: Post) -> None:
    row = post.desk.issue(application())

    for typed in (row.number, row.number.lower(), row.number.replace("-", " "), f"  {row.number}  "):
        assert issuing.find(post.register, typed) == row


def test_a_number_that_is_none_or_unknown_is_told(post: Post, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mistyped"):
        issuing.find(post.register, "123")
    with pytest.raises(IssuingError, match="not known at this station"):
        issuing.find(post.register, number_of(bytes(16)))
