"""The counts on the screen: whatever came, in whatever order, they are what a count from the start would give."""

from pathlib import Path

import pytest

from passes.trips import Direction
from station import corrections
from station.counting import Counts
from station.register import Register
from tests.station.post import SHANGHAI, Post, reading

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


def counted(post: Post) -> Counts:
    """Count on, and check it against a count that begins anew."""
    counts = post.register.counts(post.gate.today())
    assert counts == Register(post.journal, SHANGHAI).counts(post.gate.today())
    return counts


def test_every_passage_moves_the_counts(post: Post) -> None:
    resident, visitor = post.issue(), post.issue("赵小强", "visitor")
    assert counted(post) == Counts()
    post.pass_through(resident, EXIT)
    assert counted(post) == Counts(exits=1, away=1)
    post.pass_through(visitor, ENTRY)
    assert counted(post) == Counts(exits=1, entries=1, away=1, inside=1)
    post.pass_through(post.issue("钱七"), EXIT, 38.5)
    post.gate.turn_back(post.gate.scan(post.issue("孙八").token, EXIT), "x")
    assert counted(post) == Counts(exits=1, entries=1, away=1, inside=1, fevers=1, refused=1, turned_back=1)
    post.pass_through(resident, ENTRY)
    post.pass_through(visitor, EXIT)
    assert counted(post) == Counts(exits=2, entries=2, fevers=1, refused=1, turned_back=1)


def test_what_is_taken_back_is_not_counted(post: Post) -> None:
    row = post.issue()
    post.pass_through(row, EXIT)
    counted(post)

    corrections.undo(post.journal, post.register, post.clock, row.pass_id)

    assert counted(post) == Counts()


def test_a_missed_return_and_a_replacement_close_what_is_open(post: Post) -> None:
    row = post.issue()
    post.pass_through(row, EXIT)
    new = post.desk.replace(row, reason="worn")
    assert counted(post).away == 1

    corrections.record_missed(
        post.journal,
        post.register,
        post.clock,
        new.pass_id,
        direction=ENTRY,
        first_leg=EXIT,
        happened_ms=post.clock.now_ms() - 1000,
        reason="forgotten",
    )

    assert counted(post) == Counts(exits=1)


def test_a_new_day_begins_at_nothing_but_who_is_out_stays_out(post: Post) -> None:
    row = post.issue()
    post.pass_through(row, EXIT)
    counted(post)
    post.clock.move(24 * 3600)

    assert counted(post) == Counts(away=1)
    post.pass_through(row, ENTRY)
    assert counted(post) == Counts(entries=1)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_was_wrong_for_hours_hides_no_passage(post: Post, hours: int) -> None:
    post.pass_through(post.issue(), EXIT)
    post.clock.move(hours * 3600)
    post.gate.scan("nonsense", EXIT)
    post.clock.move(-hours * 3600)
    post.gate.scan("nonsense", ENTRY)

    assert counted(post) == Counts(exits=1, away=1, refused=2)


def test_another_program_on_the_same_file_is_counted(tmp_path: Path) -> None:
    first = Post(tmp_path)
    row = first.issue()
    counted(first)
    second = Post(tmp_path, create=False, clock=first.clock)
    second.gate.admit(second.gate.measured(second.gate.scan(row.token, EXIT), [reading(36.5)]))

    assert counted(first) == Counts(exits=1, away=1)
    for post in (first, second):
        post.journal.close()
