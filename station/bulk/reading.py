"""One row of a list read cell by cell, keeping every problem, and who has been met in the rows before it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from passes.errors import N_, GatepostError
from passes.identity import mask_id_number, mask_id_numbers
from station.bulk.columns import Columns
from station.bulk.spreadsheet import Merged, Row
from station.bulk.values import RowError, read_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is bad: its number, the title of the column (empty where the row as a whole is meant), the reason."""

    row: int
    column: str
    error: GatepostError


class RowReader:
    """Reads one row, keeping every problem: whoever corrects a row wants to hear of all of them.

    `name`, `address` and `id_number` say who stands in it, as far as they could be read.
    """

    def __init__(self, row: Row, columns: Columns) -> None:
        self.number = row.number
        self.problems: list[Problem] = []
        self.name = self.address = self.id_number = ""
        self._row = row
        self._columns = columns

    def add(self, field: str, error: GatepostError) -> None:
        """Keep a problem of a field; of the row as a whole where it has no column."""
        self.problems.append(Problem(self.number, self._columns.title(field), error))

    def take(self, field: str, parse: Callable[[str], T], otherwise: T | None = None) -> T | None:
        """Return what a field says, `otherwise` where it says nothing; None where that is a problem."""
        try:
            text = self._text(field)
            if text:
                return parse(text)
            if otherwise is None and field in self._columns.form.required:
                raise RowError(N_("is empty; fill it in"))
        except GatepostError as error:
            self.add(field, error)
            return None
        return otherwise

    def check_merged(self, merged: Iterable[Merged]) -> None:
        """Keep a problem where the row lies in merged cells."""
        for cells in merged:
            if cells.top <= self.number <= cells.bottom:
                self.add("", RowError(N_("merged cells {range}; unmerge and fill them"), range=cells.name))
                break

    def _text(self, field: str) -> str:
        """Return the text of a field; where building, unit and room stand apart, 3, 2 and 501 become 3-2-501."""
        joined = ""
        for place in self._columns.places.get(field, ()):
            text = read_text(field, self._row.cell(place))
            # 3号楼 and 2单元 need no dash between them, 2 and 501 would run together without.
            needs_dash = joined[-1:].isascii() and text[:1].isascii() and joined and text
            joined += f"-{text}" if needs_dash else text
        return joined


class Persons:
    """Who has been met in this file, by ID number and by name and address."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._homes: dict[tuple[str, str], int] = {}
        self._homes_without_number: dict[tuple[str, str], int] = {}
        self._meanings: dict[int, str] = {}

    def meet(self, reader: RowReader, meaning: str) -> RowError | None:
        """Note who stands in this row, which says `meaning`; return the problem when they stood in an earlier one."""
        home = (reader.name.casefold(), reader.address.casefold())
        homes = self._homes_without_number if reader.id_number else self._homes
        first = self._numbers.get(reader.id_number) or (homes.get(home) if all(home) else None)
        if first is not None:
            if meaning and meaning == self._meanings.get(first):
                return RowError(N_("repeats row {first}; only that one counts"), first=first)
            return RowError(N_("is the person of row {first} with other data; only that row counts"), first=first)
        self._meanings[reader.number] = meaning
        if reader.id_number:
            self._numbers[reader.id_number] = reader.number
        elif all(home):
            self._homes_without_number.setdefault(home, reader.number)
        if all(home):
            self._homes.setdefault(home, reader.number)
        return None


def says_something(row: Row, columns: Columns) -> bool:
    """Say whether anything stands in a column that is read."""
    return any(row.cell(place).text.strip() for places in columns.places.values() for place in places)


def in_reach(merged: Iterable[Merged], columns: Columns) -> list[Merged]:
    """Return what is merged below the header in columns that we read; a title may be, and so may what we ignore."""
    known = {place for places in columns.places.values() for place in places}
    return [
        cells
        for cells in merged
        if cells.bottom > columns.header_row and any(cells.left <= place <= cells.right for place in known)
    ]


def masked(row: Row, columns: Columns) -> tuple[str, ...]:
    """Return the text of every cell as it may be shown: of ID numbers the last four characters."""
    hidden = columns.places.get("id_number", ())
    return tuple(
        mask_id_number(cell.text) if place in hidden else mask_id_numbers(cell.text)
        for place, cell in enumerate(row.cells)
    )
