"""A gate that runs on over midnight: the new day begins with its first instant, wherever clocks are changed."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from passes.kinds import PRESETS
from passes.policy import Outcome
from passes.reasons import Reason
from passes.temperature import TemperatureRule
from passes.trips import Direction
from station.counting import Counts
from station.deciding import Decider, Scan
from station.gate import Gate
from station.issuing import Application, Desk
from station.journal import Journal
from station.register import PassRow, Register
from tests.station.post import COMMUNITY, KEY, HandClock, reading, trust_list

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY
NIGHTS = [
    ("Asia/Shanghai", "2026-03-10T16:00:00Z", date(2026, 3, 11)),
    ("Asia/Shanghai", "2028-02-28T16:00:00Z", date(2028, 2, 29)),
    ("Asia/Shanghai", "2028-02-29T16:00:00Z", date(2028, 3, 1)),
    ("Asia/Shanghai", "2026-12-31T16:00:00Z", date(2027, 1, 1)),
    ("Pacific/Kiritimati", "2026-03-10T10:00:00Z", date(2026, 3, 11)),
    ("Asia/Kathmandu", "2026-03-10T18:15:00Z", date(2026, 3, 11)),
    # Midnight is skipped: the day begins at one.
    ("America/Santiago", "2026-09-06T04:00:00Z", date(2026, 9, 6)),
    ("Asia/Beirut", "2026-03-28T22:00:00Z", date(2026, 3, 29)),
    # The hour before midnight comes twice.
    ("America/Santiago", "2026-04-05T04:00:00Z", date(2026, 4, 5)),
    # Midnight itself comes twice: the day begins with the first.
    ("America/Havana", "2026-11-01T04:00:00Z", date(2026, 11, 1)),
]


class Post:
    """A gate in `zone` that is not restarted."""

    def __init__(self, folder: Path, zone: ZoneInfo, now: datetime) -> None:
        self.clock = HandClock(int(now.timestamp() * 1000))
        journal = Journal(folder, "G1", self.clock, create=True)
        self.register = Register(journal, zone)
        rule = TemperatureRule()
        decider = Decider(journal, self.register, trust_list, rule=rule, zone=zone)
        self.gate = Gate(journal, self.register, self.clock, decider, rule=rule, zone=zone)
        self._desk = Desk(journal, self.register, KEY, COMMUNITY, self.clock)
        self.close = journal.close

    def issue(self) -> PassRow:
        asked = Application("王小明", "3-2-501", PRESETS["resident"], date(2026, 1, 1), date(2030, 12, 31))
        return self._desk.issue(asked)

    def scan(self, row: PassRow, direction: Direction) -> Scan:
        scan = self.gate.scan(row.token, direction)
        return self.gate.admit(self.gate.measured(scan, [reading(36.5)])) if not scan.recorded else scan


@pytest.mark.parametrize(("zone", "instant", "new_day"), NIGHTS)
def test_the_day_changes_under_a_running_gate(tmp_path: Path, zone: str, instant: str, new_day: date) -> None:
    first = datetime.fromisoformat(instant)
    post = Post(tmp_path, ZoneInfo(zone), first - timedelta(hours=6))
    row = post.issue()
    assert post.scan(row, EXIT).outcome == "allowed"
    post.clock.move(3600)
    assert post.scan(row, ENTRY).outcome == "allowed"

    post.clock.ms = int(first.timestamp() * 1000) - 1
    last_of_the_old = post.scan(row, EXIT)
    post.clock.ms += 1
    first_of_the_new = post.scan(row, EXIT)

    old_day = new_day - timedelta(days=1)
    assert (last_of_the_old.verdict.outcome, last_of_the_old.verdict.reasons) == (Outcome.REFUSE, (Reason.OVER_LIMIT,))
    assert (first_of_the_new.verdict.outcome, first_of_the_new.verdict.used) == (Outcome.ALLOW, 0)
    assert post.gate.today() == new_day
    assert post.register.counts(old_day) == Counts(entries=1, exits=1, away=1, refused=1)
    assert post.register.counts(new_day) == Counts(exits=1, away=1)

    # An hour later it is the same day, also where midnight comes twice.
    post.clock.move(3600)
    assert post.gate.today() == new_day
    assert post.scan(row, ENTRY).outcome == "allowed"
    post.clock.move(60)
    assert post.scan(row, EXIT).verdict.reasons == (Reason.OVER_LIMIT,)
    post.close()
