"""The closed list of reason codes, in the order in which they are shown."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a verdict is what it is; the order of the members is the order of display."""

    NOT_A_PASS = "not_a_pass"  # noqa: S105 - a code, no password
    MALFORMED = "malformed"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_KEY = "unknown_key"
    WITHDRAWN_KEY = "withdrawn_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_COMMUNITY = "wrong_community"
    UNKNOWN_KIND = "unknown_kind"

    REVOKED = "revoked"
    REPLACED = "replaced"
    SUSPENDED = "suspended"
    NOT_ACTIVE = "not_active"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"

    QUARANTINED = "quarantined"
    BANNED = "banned"
    WATCH_LISTED = "watch_listed"

    MODE = "mode"
    ALREADY_OUT = "already_out"
    ALREADY_IN = "already_in"
    OVER_LIMIT = "over_limit"
    OUTSIDE_HOURS = "outside_hours"
    NO_HOST = "no_host"

    NO_ID = "no_id"
    FEVER = "fever"
    NO_READING = "no_reading"
    CLOCK = "clock"

    NO_OPEN_TRIP = "no_open_trip"
    LATE_RETURN = "late_return"
    NOT_IN_ROSTER = "not_in_roster"
    STALE_DATA = "stale_data"
    UNCLAIMED = "unclaimed"
    OVERRIDDEN = "overridden"
    TYPED = "typed"
    CLOCK_SUSPECT = "clock_suspect"


NOTES = frozenset(list(Reason)[list(Reason).index(Reason.NO_OPEN_TRIP) :])
"""Those that never refuse anybody: they only tell the guard and the record something."""
