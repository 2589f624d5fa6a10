"""Health checks (健康监测): who has to be asked when, and what they answered.

Isolated people are asked every few hours, or in the morning and in the evening. A check falls due after the one before,
whoever was late; where nobody answered, it stays due.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.temperature import Finding, TemperatureRule, parse_celsius
from station.clock import local_time
from station.duty.book import DutyBook, Matter, words
from station.folding_duty import subject_of
from sync.bodies import QuarantineOrdered
from sync.duty_bodies import HealthChecked
from sync.events import Event

EARLY_MS = 2 * 3_600_000
"""A check counts for a time of day that is at most this much later."""

_HOURS = re.compile(r"([0-9]{1,2}) ?(?:h|小时|小時)?")
_MOST_HOURS = 48
_MOST_TIMES = 8


class Plan(msgspec.Struct, frozen=True):
    """How often somebody is asked: every so many hours, or at times of day; neither: never."""

    every_hours: int = 0
    at_times: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the plan as `parse_plan` reads it."""
        return f"{self.every_hours}h" if self.every_hours else " ".join(self.at_times)

    def due_ms(self, since_ms: int, last_ms: int | None, zone: ZoneInfo) -> int | None:
        """Return when the next check is due after the last one, or after the beginning where there was none."""
        if self.every_hours:
            return (since_ms if last_ms is None else last_ms) + self.every_hours * 3_600_000
        after_ms = since_ms if last_ms is None else last_ms + EARLY_MS
        day = local_time(after_ms, zone).date()
        moments = [_moment_ms(day + timedelta(days=later), at, zone) for later in (0, 1) for at in self.at_times]
        return min((moment_ms for moment_ms in moments if moment_ms > after_ms), default=None)


def parse_plan(typed: str) -> Plan:
    """Read a plan: `2h` or `2`, or times of day such as `8:00 18:00`; raises `UsageError` for anything else."""
    text = unicodedata.normalize("NFKC", typed).strip()
    if not text:
        return Plan()
    found = _HOURS.fullmatch(text)
    if found and 1 <= int(found[1]) <= _MOST_HOURS:
        return Plan(every_hours=int(found[1]))
    times = []
    for part in re.split(r"[\s,;、]+", text):
        hour, _colon, minute = part.partition(":")
        if not (hour.isascii() and hour.isdigit() and re.fullmatch(r"[0-5][0-9]", minute) and int(hour) < 24):
            raise UsageError(
                N_('"{typed}": write how often, like 2h, or at which times, like 8:00 18:00'), typed=plain(typed, 40)
            )
        times.append(f"{int(hour):02d}:{minute}")
    return Plan(at_times=tuple(sorted(set(times))[:_MOST_TIMES]))


def plan_of(order: QuarantineOrdered) -> Plan:
    """Return how often whoever an order is about is asked; what a stranger's record says wrongly counts for nothing."""
    at_times = tuple(at for at in order.at_times if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", at))
    return Plan(order.every_hours, at_times)


def check(
    book: DutyBook,
    order: QuarantineOrdered,
    rule: TemperatureRule,
    *,
    celsius: str = "",
    symptoms: str = "",
    who: str = "",
    at_the_door: bool = False,
    reached: bool = True,
) -> Event:
    """Record that somebody in isolation was asked, or could not be reached.

    Raises `UsageError` for a value that is no reading (see `passes.temperature`), and where there is neither a
    temperature nor a word about symptoms.
    """
    value = parse_celsius(celsius) if celsius.strip() and reached else None
    if value is not None and rule.judge(value) in (Finding.IMPLAUSIBLE, Finding.LOW):
        raise UsageError(N_("{celsius} C is no temperature of a person: measure again"), celsius=value)
    told = words(N_("Symptoms"), symptoms, may_be_empty=True)
    if reached and value is None and not told:
        raise UsageError(N_("Temperature: write it, or what they say of how they are"))
    body = HealthChecked(
        holder_id=order.holder_id,
        household=order.household,
        who=words(N_("Of whom"), who, 60, may_be_empty=True),
        how="door" if at_the_door else "remote",
        reached=reached,
        celsius=value,
        symptoms=told,
    )
    return book.record(body)


def checks_of(book: DutyBook, order: QuarantineOrdered, limit: int = 20) -> list[Matter]:
    """Return the newest checks of a person or household, newest first."""
    return book.newest_of("health", subject_of(order.holder_id, order.household), limit)


def last_check_ms(checks: list[Matter]) -> int | None:
    """Return when somebody was last reached."""
    return next((check.at_ms for check in checks if check.body.reached), None)


def _moment_ms(day: date, at: str, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time.fromisoformat(at), zone).timestamp() * 1000)


def start_ms(day: date, zone: ZoneInfo) -> int:
    """Return the beginning of a local day, UTC milliseconds."""
    return int(datetime.combine(day, time.min, zone).timestamp() * 1000)
