"""What the ledgers are made of: a title, columns, rows, and the columns that many of them share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from passes.errors import N_
from sync.community.ledger_rows import Reader
from sync.community.sheets import Column, Row

NAME = Column(N_("Name"), is_personal=True)
ADDRESS = Column(N_("Address"), 20, is_personal=True)
PASS = Column(N_("Pass number"), is_personal=True)
DATE, TIME = Column(N_("Date"), 11), Column(N_("Time"), 9)
NO, STATION, GUARD = Column(N_("No."), 6), Column(N_("Station"), 10), Column(N_("Recorded by"), 11)
READING, SECOND = Column(N_("Reading (°C)"), 9), Column(N_("Second reading (°C)"), 9)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One ledger: its title, its columns, and where its rows come from."""

    title: str
    columns: dict[str, Column]
    rows: Callable[[Reader], Iterator[Row]]
