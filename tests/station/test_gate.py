"""The gate's use cases on a real journal: what is answered, and what is recorded."""

from dataclasses import replace
from pathlib import Path

import pytest

from passes.keys import IssuingKey
from passes.policy import Outcome
from passes.reasons import Reason
from passes.token import PassClaims, issue_token
from passes.trips import Direction
from passes.trust import TrustedKey
from station import issuing
from station.duty.handover import HandOver, hand_over
from station.folding import REGISTER_TABLES
from station.shifts import open_shift
from sync.bodies import HolderBanned, PassageRecorded
from sync.events import read_body
from tests.station.post import COMMUNITY, KEY, Post, reading, trust_list

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


def last_body(post: Post) -> PassageRecorded:
    *_before, (_n, event) = post.journal.read()
    body = read_body(event.kind, event.body)
    assert isinstance(body, PassageRecorded)
    return body


def test_scan_measure_enter(post: Post) -> None:
    row = post.issue()

    scan = post.gate.scan(row.token, EXIT)
    assert (scan.verdict.outcome, scan.verdict.needs_reading, scan.recorded) == (Outcome.ALLOW, True, None)
    scan = post.gate.measured(scan, [reading(36.5)])
    assert not scan.verdict.needs_reading
    done = post.gate.admit(scan)

    assert (done.outcome, done.recorded is not None) == ("allowed", True)
    body = last_body(post)
    assert (body.outcome, body.leg, body.holder, body.pass_number) == ("allowed", "first", "王小明", row.number)
    assert [attempt.celsius for attempt in body.attempts] == [36.5]


def test_a_scan_is_answered_from_one_moment(post: Post) -> None:
    row = post.issue()
    asked: list[str] = []
    post.journal.connection.set_trace_callback(asked.append)

    post.gate.scan(row.token, EXIT)

    assert len(asked) > 2
    assert (asked[0], asked[-1]) == ("BEGIN", "COMMIT")
    assert not any(word in one for one in asked[1:-1] for word in ("BEGIN", "COMMIT"))


def test_no_scan_compiles_statements_anew(post: Post) -> None:
    rows = [post.issue(), post.issue("李小红")]
    compiled: list[str] = []

    def allow(_action: int, *names: object) -> int:
        compiled.append(repr(names))
        return 0

    # SQLite asks while it compiles, and forgets what it has compiled when it is told to ask.
    post.journal.connection.set_authorizer(allow)
    post.gate.scan(rows[0].token, EXIT)
    assert compiled
    compiled.clear()
    post.gate.scan(rows[1].token, EXIT)
    assert compiled == []


def test_enter_without_a_reading_records_nothing(post: Post) -> None:
    scan = post.gate.scan(post.issue().token, EXIT)

    assert post.gate.admit(scan).recorded is None
    assert post.rows() == ["pass.issued"]


def test_out_and_in_once_a_day(post: Post) -> None:
    row = post.issue()

    assert post.pass_through(row, EXIT).outcome == "allowed"
    assert post.pass_through(row, ENTRY).outcome == "allowed"
    third = post.gate.scan(row.token, EXIT)
    assert (third.verdict.outcome, third.verdict.reasons) == (Outcome.REFUSE, (Reason.OVER_LIMIT,))
    post.clock.move(16 * 3600)
    assert post.pass_through(row, EXIT).outcome == "allowed"


def test_a_refusal_is_recorded_by_itself_but_not_twice_in_five_seconds(post: Post) -> None:
    first = post.gate.scan("GP1AAAA", EXIT)
    post.clock.move(5)
    second = post.gate.scan("GP1AAAA", EXIT)
    post.clock.move(5.001)
    third = post.gate.scan("GP1AAAA", EXIT)

    assert [scan.recorded is not None for scan in (first, second, third)] == [True, False, True]
    assert second.again
    assert post.rows() == ["passage.recorded refused"] * 2


def test_a_repeated_read_gives_the_same_answer_and_no_second_record(post: Post) -> None:
    row = post.issue()
    done = post.gate.admit(post.gate.measured(post.gate.scan(row.token, EXIT), [reading(36.5)]))
    post.clock.move(5)

    again = post.gate.scan(row.token, EXIT)

    assert (again.again, again.verdict.outcome, again.verdict.reasons) == (True, done.verdict.outcome, ())
    assert post.gate.admit(again) == again
    assert post.rows() == ["pass.issued", "passage.recorded allowed"]
    post.clock.move(0.001)
    assert post.gate.scan(row.token, EXIT).verdict.reasons == (Reason.ALREADY_OUT, Reason.OVER_LIMIT)


def test_the_other_direction_is_no_repeated_read(post: Post) -> None:
    row = post.issue()
    post.gate.admit(post.gate.measured(post.gate.scan(row.token, EXIT), [reading(36.5)]))
    post.clock.move(1)

    assert post.gate.scan(row.token, ENTRY).verdict.leg == "return"


def test_a_revoked_pass_is_refused_out_and_looked_at_home(post: Post) -> None:
    row = post.issue()
    post.pass_through(row, EXIT)
    issuing.revoke(post.journal, post.register, post.clock, row, reason="lost")

    home = post.gate.measured(post.gate.scan(row.token, ENTRY), [reading(36.5)])
    assert (home.verdict.outcome, home.verdict.reasons) == (Outcome.ATTENTION, (Reason.REVOKED,))
    assert post.gate.admit(home).recorded is None
    assert post.gate.admit(home, acknowledged=True).outcome == "allowed"
    post.clock.move(60)
    assert Reason.REVOKED in post.gate.scan(row.token, EXIT).verdict.reasons


def test_a_banned_person_is_refused(post: Post) -> None:
    row = post.issue()
    with post.journal.writing():
        post.register.record(HolderBanned(holder_id=row.holder_id, reason="abuse"), post.clock.now_ms())

    assert post.gate.scan(row.token, EXIT).verdict.reasons == (Reason.BANNED,)


def test_a_fever_is_refused_recorded_and_may_be_measured_again(post: Post) -> None:
    row = post.issue()
    hot = post.gate.measured(post.gate.scan(row.token, EXIT), [reading(38.1)])
    assert (hot.verdict.reasons, hot.outcome) == ((Reason.FEVER,), "refused")

    cooled = post.gate.admit(post.gate.measured(hot, [reading(36.8)]))

    assert cooled.outcome == "allowed"
    assert [(attempt.number, attempt.celsius) for attempt in last_body(post).attempts] == [(1, 38.1), (2, 36.8)]
    assert post.register.counts(post.gate.today()).fevers == 1


def test_the_last_valid_attempt_decides(post: Post) -> None:
    row = post.issue()

    scan = post.gate.measured(post.gate.scan(row.token, EXIT), [reading(36.6), reading(33.0), reading(1037.55)])

    assert (scan.verdict.outcome, scan.verdict.needs_reading) == (Outcome.ALLOW, False)


def test_a_skipped_reading_needs_its_reason_and_is_looked_at(post: Post) -> None:
    scan = post.gate.skip_reading(post.gate.scan(post.issue().token, EXIT), "体温计坏了")

    assert post.gate.admit(scan).recorded is None
    assert post.gate.admit(scan, acknowledged=True).outcome == "allowed"
    assert last_body(post).no_reading_reason == "体温计坏了"


def test_turning_back_is_recorded_with_its_reason_and_is_no_trip(post: Post) -> None:
    row = post.issue()

    post.gate.turn_back(post.gate.scan(row.token, EXIT), "没戴口罩")

    body = last_body(post)
    assert (body.outcome, body.remark, body.verdict) == ("turned_back", "没戴口罩", "allow")
    post.clock.move(60)
    assert post.pass_through(row, EXIT).outcome == "allowed"


def test_what_is_recorded_is_decided_at_that_moment(post: Post, tmp_path: Path) -> None:
    """Two terminals on one file: both answered `allow`, the second is refused when it records."""
    row = post.issue()
    other = Post(tmp_path, clock=post.clock, create=False)
    here = post.gate.measured(post.gate.scan(row.token, EXIT), [reading(36.5)])
    there = other.gate.measured(other.gate.scan(row.token, EXIT), [reading(36.5)])

    assert other.gate.admit(there).outcome == "allowed"
    post.clock.move(10)
    second = post.gate.admit(here)

    assert (second.outcome, second.verdict.reasons) == ("refused", (Reason.ALREADY_OUT, Reason.OVER_LIMIT))
    other.journal.close()
    assert post.journal.verify() == 3


def test_a_number_typed_by_hand_is_noted(post: Post) -> None:
    row = post.issue()

    scan = post.gate.scan(row.number.lower().replace("-", " "), EXIT)

    assert (scan.verdict.outcome, scan.verdict.reasons, scan.typed) == (Outcome.ALLOW, (Reason.TYPED,), True)


def test_a_genuine_pass_that_nobody_here_knows_is_allowed(post: Post) -> None:
    row = post.issue()
    claims = PassClaims(
        pass_id=b"\x07" * 16,
        community=COMMUNITY,
        kind="resident",
        valid_from=post.gate.today(),
        valid_until=post.gate.today(),
        holder="李小红",
        address=row.address,
    )

    scan = post.gate.scan(issue_token(claims, KEY), EXIT)

    assert (scan.verdict.outcome, scan.verdict.reasons) == (Outcome.ALLOW, (Reason.NOT_IN_ROSTER,))
    unknown_kind = post.gate.scan(issue_token(replace(claims, kind="astronaut"), KEY), EXIT)
    assert unknown_kind.verdict.reasons == (Reason.UNKNOWN_KIND,)


def test_a_withdrawn_key_refuses_the_way_out_only(tmp_path: Path) -> None:
    withdrawn = TrustedKey(key_id=KEY.key_id, public_key=KEY.public_key, community=COMMUNITY, withdrawn_at_ms=1)
    post = Post(tmp_path, trust=trust_list(withdrawn))
    row = post.issue()

    assert post.gate.scan(row.token, EXIT).verdict.reasons == (Reason.WITHDRAWN_KEY,)
    assert post.gate.scan(row.token, ENTRY).verdict.outcome is Outcome.ATTENTION
    assert post.gate.scan(row.number, EXIT).verdict.reasons == (Reason.WITHDRAWN_KEY, Reason.TYPED)
    post.journal.close()


def test_bad_codes_are_refused_with_the_right_code(post: Post) -> None:
    token = post.issue().token
    forged = issue_token(
        PassClaims(b"\x01" * 16, COMMUNITY, "resident", post.gate.today(), post.gate.today(), "赵", "1-1"),
        IssuingKey.generate(),
    )
    codes = {
        "hello": Reason.NOT_A_PASS,
        "": Reason.NOT_A_PASS,
        token.lower(): Reason.NOT_A_PASS,
        "x" * 100_000: Reason.NOT_A_PASS,
        "GP1" + "A" * 100_000: Reason.MALFORMED,
        token[:-3]: Reason.MALFORMED,
        token * 2: Reason.MALFORMED,
        "GP2" + token[3:]: Reason.UNSUPPORTED_VERSION,
        forged: Reason.UNKNOWN_KEY,
    }

    assert {code: post.gate.scan(code, EXIT).verdict.reasons for code in codes} == {
        code: (reason,) for code, reason in codes.items()
    }
    assert {row for row in post.rows() if row != "pass.issued"} == {"passage.recorded refused"}


@pytest.mark.parametrize("text", ["[/]", "[@click=app.quit]x[/]", "\x1b[2J", "\u202egnp"])
def test_a_hostile_scan_is_recorded_as_harmless_text(post: Post, text: str) -> None:
    post.gate.scan(text, EXIT)

    scan = last_body(post).scan
    assert scan is not None
    assert "\x1b" not in scan
    assert "\u202e" not in scan


def test_verifying_records_nothing(post: Post) -> None:
    assert post.gate.verify("nonsense", EXIT).verdict.outcome is Outcome.REFUSE
    assert post.rows() == []


def test_the_register_is_the_fold_of_the_journal(post: Post) -> None:
    first, second = post.issue(), post.issue("赵小强", "visitor")
    post.pass_through(first, EXIT)
    post.pass_through(second, ENTRY)
    post.pass_through(first, ENTRY, 38.0)
    post.gate.scan(first.token, EXIT)
    issuing.revoke(post.journal, post.register, post.clock, second, reason="void")
    before = {table: list(post.journal.db[table].rows) for table in REGISTER_TABLES}

    post.register.rebuild()

    assert {table: list(post.journal.db[table].rows) for table in REGISTER_TABLES} == before
    assert (len(before["passes"]), len(before["legs"]), len(before["pass_events"])) == (2, 2, 3)


def test_counts_of_the_day(post: Post) -> None:
    resident, visitor = post.issue(), post.issue("赵小强", "visitor")
    post.pass_through(resident, EXIT)
    post.pass_through(visitor, ENTRY)
    post.gate.scan("nonsense", EXIT)

    counts = post.register.counts(post.gate.today())

    assert (counts.entries, counts.exits, counts.refused, counts.fevers) == (1, 1, 1, 0)
    assert (counts.away, counts.inside) == (1, 1)
    post.pass_through(resident, ENTRY)
    post.pass_through(visitor, EXIT)
    counts = post.register.counts(post.gate.today())
    assert (counts.away, counts.inside) == (0, 0)


def test_a_clock_set_back_between_out_and_in_locks_nobody_in(post: Post) -> None:
    row = post.issue()
    post.pass_through(row, EXIT)
    post.clock.move(-150)

    home = post.pass_through(row, ENTRY)

    assert (home.outcome, home.verdict.reasons) == ("allowed", (Reason.CLOCK_SUSPECT,))
    assert post.register.counts(post.gate.today()).away == 0
    post.clock.move(24 * 3600)
    assert post.pass_through(row, EXIT).outcome == "allowed"


def test_a_temperature_that_is_no_number_is_no_attempt(post: Post) -> None:
    scan = post.gate.measured(post.gate.scan(post.issue().token, EXIT), [reading(float("nan")), reading(float("inf"))])

    assert (scan.attempts, scan.verdict.needs_reading) == ((), True)


def test_a_shift_opened_by_a_clock_that_ran_ahead_is_followed_by_the_next(post: Post) -> None:
    post.clock.move(8 * 3600)
    open_shift(post.journal, post.register, post.clock, ["周师傅"])
    post.clock.move(-8 * 3600)

    hand_over(post.book, HandOver(incoming=["郑师傅"]))

    shift = post.register.current_shift()
    assert shift is not None
    assert shift.guards == ("郑师傅",)
