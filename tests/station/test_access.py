"""Who works here: roles in the journal, PINs beside it, wrong ones that make wait, and nobody locked out of work."""

from pathlib import Path

import pytest

from passes.errors import UsageError
from station.access import FREE_TRIES, LONGEST_WAIT_MS, MOST_TRIES, Access, AccessError, Role
from station.i18n import explain, set_language
from station.storage import FILE_NAME
from sync.bodies import StaffSet
from sync.events import read_body
from tests.station.post import HandClock, Post

PIN = "2580"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    set_language("en")
    return Post(tmp_path)


def access_of(post: Post) -> Access:
    return Access(post.journal, post.register, post.clock)


def with_lead(post: Post) -> Access:
    access = access_of(post)
    access.set_member("张带班", [Role.LEAD])
    access.set_pin("张带班", PIN)
    return access


def test_roles_are_in_the_journal_and_pins_are_not(post: Post, tmp_path: Path) -> None:
    access = with_lead(post)
    access.set_member("周师傅", [])
    assert [(one.name, set(one.roles), one.has_pin) for one in access.members()] == [
        ("周师傅", {Role.GUARD}, False),
        ("张带班", {Role.LEAD}, True),
    ]
    access.remove("周师傅")
    bodies = [read_body(event.kind, event.body) for _n, event in post.journal.read()]
    assert bodies == [
        StaffSet(name="张带班", roles=["lead"]),
        StaffSet(name="周师傅", roles=["guard"]),
        StaffSet(name="周师傅", active=False),
    ]
    before = access.members()
    post.register.rebuild()
    assert access.members() == before
    post.journal.close()
    assert b"argon2id" in (tmp_path / FILE_NAME).read_bytes()
    assert PIN.encode() not in (tmp_path / FILE_NAME).read_bytes()


def test_the_right_pin_of_somebody_who_may(post: Post) -> None:
    access = with_lead(post)
    assert access.verify("张带班", "\uff12580", Role.LEAD).name == "张带班"  # as an input method types it
    assert access.verify("张带班", PIN, Role.GUARD).name == "张带班"
    # Nobody has a PIN as issuer: whoever says to be responsible is.
    assert access.verify("张带班", "", Role.ISSUER).roles == {Role.ISSUER}
    access.set_member("李主任", [Role.ADMIN])
    access.set_pin("李主任", "1379")
    assert access.verify("李主任", "1379", Role.ISSUER).may(Role.LEAD)
    with pytest.raises(AccessError, match="has no PIN as"):
        access.verify("张带班", PIN, Role.ISSUER)
    with pytest.raises(AccessError, match="wrong PIN"):
        access.verify("张带班", "1379", Role.LEAD)


def test_without_any_pin_a_name_is_enough(post: Post) -> None:
    access = access_of(post)
    access.set_member("张带班", [Role.LEAD])
    assert access.provers(Role.LEAD) == []
    assert access.verify(" 王五 ", "", Role.LEAD).name == "王五"
    with pytest.raises(UsageError):
        access.verify("  ", "", Role.LEAD)


def test_wrong_pins_make_wait_longer_and_a_new_one_ends_it(post: Post) -> None:
    access = with_lead(post)
    for _ in range(FREE_TRIES):
        with pytest.raises(AccessError, match="try again"):
            access.verify("张带班", "0000", Role.LEAD)
    waits = []
    for _ in range(MOST_TRIES - FREE_TRIES - 1):
        with pytest.raises(AccessError) as told:
            access.verify("张带班", "0000", Role.LEAD)
        waits.append(told.value.values["seconds"])
        # Meanwhile the right one is not looked at either, by whoever starts the program anew.
        with pytest.raises(AccessError, match="wait"):
            access_of(post).verify("张带班", PIN, Role.LEAD)
        post.clock.move(float(str(waits[-1])))
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    with pytest.raises(AccessError) as locked:
        access.verify("张带班", "0000", Role.LEAD)
    assert "gatepost staff pin 张带班" in explain(locked.value)
    post.clock.move(86_400)
    with pytest.raises(AccessError, match="in a row"):
        access.verify("张带班", PIN, Role.LEAD)
    access.set_pin("张带班", "4826")
    assert access.verify("张带班", "4826", Role.LEAD)


def test_a_clock_set_back_makes_nobody_wait_for_long(post: Post) -> None:
    access = with_lead(post)
    for _ in range(FREE_TRIES + 1):
        with pytest.raises(AccessError):
            access.verify("张带班", "0000", Role.LEAD)
    post.clock = HandClock(post.clock.ms - 365 * 86_400_000)
    with pytest.raises(AccessError) as told:
        access_of(post).verify("张带班", PIN, Role.LEAD)
    assert told.value.values["seconds"] == LONGEST_WAIT_MS // 1000


@pytest.mark.parametrize("pin", ["", "258", "25a0", "1234567890123", "0000", "1234", "9876", "²³¹⁴x", "二五八零"])
def test_pins_that_are_refused(post: Post, pin: str) -> None:
    access = access_of(post)
    access.set_member("张带班", [Role.LEAD])
    with pytest.raises(UsageError, match="PIN"):
        access.set_pin("张带班", pin)
    assert not access.members()[0].has_pin


def test_whoever_is_removed_proves_nothing(post: Post) -> None:
    access = with_lead(post)
    access.remove("张带班")
    assert access.provers(Role.LEAD) == []
    access.set_member("张带班", [Role.LEAD])
    assert not access.members()[0].has_pin
    with pytest.raises(UsageError, match="nobody of this name"):
        access.set_pin("谁", PIN)
