"""One database on two servers: what is proved on one PostgreSQL holds where a community's events lie on another.

Tests of ingest, feed, double use and daily report run once more, on such a database.
"""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from sync.community.registry import add_community
from sync.community.stations import add_station
from sync.community.verifying import verify_journals
from tests.community import conftest, test_conflicts, test_daily, test_feed, test_journal_api, test_numbering
from tests.community.conftest import COMMUNITY, NOW_MS, Chain
from tests.community.gates import Gate, pull_all, push
from tests.community.spread import Servers, find_server, two_servers

NEAR = "370212004002"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Two servers between which databases are spread."""
    programs = find_server()
    if programs is None:
        pytest.skip("no PostgreSQL with postgres_fdw is installed here (Debian: apt install postgresql)")
    with two_servers(programs) as started:
        started.prepare(COMMUNITY)
        yield started


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    """Return the address of an empty database whose events of `COMMUNITY` lie on the far server."""
    with servers.database(f"spread_{next(_numbers)}") as url:
        yield url


# Each runs as it stands in its own module; here it finds our `database_url`.
engine, app, server, east = conftest.engine, conftest.app, conftest.server, test_feed.east
feeding, gates = test_feed.feeding, test_conflicts.gates
test_a_batch_is_stored_exactly_as_it_came = test_journal_api.test_a_batch_is_stored_exactly_as_it_came
test_overlapping_batches_store_the_union = test_journal_api.test_overlapping_batches_store_the_union
test_duplicates_inside_one_batch = test_journal_api.test_duplicates_inside_one_batch
test_four_threads_send_the_same_events = test_journal_api.test_four_threads_send_the_same_events
test_a_fork_is_kept_beside_what_was_there = test_journal_api.test_a_fork_is_kept_beside_what_was_there
test_feed_numbers_become_visible_in_order = test_journal_api.test_feed_numbers_become_visible_in_order
test_pieces_join_without_gap_or_repetition = test_feed.test_pieces_join_without_gap_or_repetition
test_heads_come_with_the_end = test_feed.test_heads_come_with_the_end
test_no_reader_misses_what_slow_writers_commit_late = test_feed.test_no_reader_misses_what_slow_writers_commit_late
test_the_feed_over_http = test_feed.test_the_feed_over_http
test_a_writer_killed_in_the_middle_holds_nobody_up = test_numbering.test_a_writer_killed_in_the_middle_holds_nobody_up
test_any_number_of_processes_find_each_conflict_once = (
    test_conflicts.test_any_number_of_processes_find_each_conflict_once
)
test_a_day_is_counted = test_daily.test_a_day_is_counted
test_the_files_say_what_was_counted = test_daily.test_the_files_say_what_was_counted


def test_each_communitys_events_lie_where_it_says(servers: Servers, engine: sa.Engine, database_url: str) -> None:
    add_community(engine, NEAR, "和顺里", "Asia/Shanghai")
    add_station(engine, NEAR, "east", "east", NOW_MS)
    gate = Gate(engine, "east")
    for number in range(3):
        gate.leg(f"p{number}", "first", NOW_MS)
    gate.push()
    assert push(engine, "east", Chain("east").many(5), community=NEAR) == ["stored"] * 5
    assert (len(pull_all(engine)), verify_journals(engine, COMMUNITY).events) == (3, 3)
    assert verify_journals(engine, NEAR).events == 5
    name = database_url.partition("@/")[2].partition("?")[0]
    found = []
    for url, table in ((servers.near_url(name), "events_here"), (servers.far_url(name), "events")):
        with psycopg.connect(url) as connection:
            found.append(connection.execute(f"SELECT min(community), max(community), count(*) FROM {table}").fetchone())
    assert found == [(NEAR, NEAR, 5), (COMMUNITY, COMMUNITY, 3)]
