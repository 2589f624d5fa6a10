"""The passes of a station in the order of issue, the newest first, and found by number, holder or room."""

from typing import TYPE_CHECKING

from passes.number import parse_number
from station import roster
from station.register import PassRow, Register
from station.spelling import folded

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_FOUND = 200
_LEAST_OF_A_NUMBER = 3
_BEYOND = "\U0010ffff"

_OF_HOLDER = "SELECT pass_id FROM passes WHERE holder_id = ? ORDER BY issued_ms DESC, pass_id LIMIT ?"

Place = tuple[int, str]
"""Where a pass stands: when it was issued (UTC milliseconds), and its id."""


def page(connection: "Connection", register: Register, after: Place | None, most: int) -> list[PassRow]:
    """Return the passes that were issued before the one at `after`, the newest first; of all without `after`."""
    rows = connection.execute(
        "SELECT pass_id FROM passes WHERE (issued_ms, pass_id) < (?, ?) ORDER BY issued_ms DESC, pass_id DESC LIMIT ?",
        (*(after or (1 << 62, "")), most),
    )
    return _rows(register, [row[0] for row in rows])


def find(connection: "Connection", register: Register, text: str) -> list[PassRow]:
    """Return the passes that `text` may mean, at most `MOST_FOUND`: by number or its beginning, by holder, by room."""
    ids: list[str] = []
    number = parse_number(text)
    key = number or _grouped(text)
    if key:
        rows = connection.execute(
            "SELECT pass_id FROM passes WHERE number >= ? AND number < ? ORDER BY number LIMIT ?",
            (key, key + _BEYOND, MOST_FOUND),
        )
        ids += [row[0] for row in rows]
    for person in [] if number and ids else roster.find(connection, text):
        ids += [row[0] for row in connection.execute(_OF_HOLDER, (person.person_id, MOST_FOUND))]
    return _rows(register, list(dict.fromkeys(ids))[:MOST_FOUND])


def of_holder(connection: "Connection", register: Register, person_id: str) -> list[PassRow]:
    """Return the passes of one person, the newest first, at most `MOST_FOUND`."""
    rows = connection.execute(_OF_HOLDER, (person_id, MOST_FOUND))
    return _rows(register, [row[0] for row in rows])


def place_of(row: PassRow) -> Place:
    """Return where a pass stands in the order of issue."""
    return row.issued_ms, row.pass_id


def _rows(register: Register, ids: list[str]) -> list[PassRow]:
    return [row for pass_id in ids if (row := register.find_pass(pass_id))]


def _grouped(text: str) -> str:
    """Return the beginning of a number as numbers are written, in groups of three; empty where it is too short."""
    start = folded(text).upper()
    if len(start) < _LEAST_OF_A_NUMBER or not start.isascii():
        return ""
    return "-".join(start[place : place + 3] for place in range(0, len(start), 3))
