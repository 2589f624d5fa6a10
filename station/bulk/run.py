"""Issuing from a spreadsheet in two steps: a plan that issues nothing, and the issuing of what is good in it.

A row is known by its meaning (`Application.source`), which is recorded with the pass in one transaction. So a run that
was stopped anywhere is simply run again, as is a corrected file: only what has no pass yet is issued.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from passes.errors import UsageError
from station.bulk.columns import Columns, find_columns
from station.bulk.reading import Problem
from station.bulk.rows import Defaults, check_rows
from station.bulk.spreadsheet import Sheet, read_sheet
from station.bulk.values import KindNames
from station.issuing import Application, Desk, IssuingError
from station.register import PassRow, Register


@dataclass(frozen=True, slots=True)
class Planned:
    """A good row: its number, its application, and the pass that was issued for it in an earlier run."""

    row: int
    application: Application
    known: PassRow | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file asks for. `sheet` says how it was read; its rows are gone, numbers are in the applications alone.

    `cells` has the text of every row as it may be shown: of ID numbers the last four characters.
    """

    sheet: Sheet
    columns: Columns
    good: tuple[Planned, ...]
    problems: tuple[Problem, ...]
    cells: dict[int, tuple[str, ...]]

    def bad_rows(self) -> list[int]:
        """Return the numbers of the rows that have a problem, in order."""
        return sorted({problem.row for problem in self.problems})


@dataclass(frozen=True, slots=True)
class Issued:
    """The pass of one row; `is_new` is false where an earlier run had issued it."""

    row: int
    issued: PassRow
    is_new: bool


def make_plan(
    path: Path, register: Register, kinds: KindNames, defaults: Defaults, sheet_name: str | None = None
) -> Plan:
    """Read the file and look through every row; nothing is issued.

    Raises `SpreadsheetError` for a file or sheet that is no table of passes, OSError for one that cannot be read.
    """
    sheet = read_sheet(path, sheet_name)
    columns, rows = find_columns(sheet, defaults.fields())
    checked = check_rows(rows, columns, sheet.merged, kinds, defaults)
    good = tuple(
        Planned(row, application, register.find_source(application.source or ""))
        for row, application in checked.good.items()
    )
    return Plan(replace(sheet, rows=[]), columns, good, tuple(checked.problems), checked.cells)


def issue(
    plan: Plan, desk: Desk, register: Register, on_row: Callable[[Issued | Problem], None]
) -> tuple[list[Issued], list[Problem]]:
    """Issue what is good in the plan, one transaction a row, and tell `on_row` of each that is on disk or turned down.

    Returns every pass of the file, those of earlier runs too, and the rows that the desk turned down. Raises
    `StorageError` when nothing more can be recorded; what was issued until then stays, and the next run goes on there.
    """
    issued: list[Issued] = []
    refused: list[Problem] = []
    for planned in plan.good:
        known = planned.known
        try:
            done = Issued(planned.row, known or desk.issue(planned.application), is_new=known is None)
        except (IssuingError, UsageError) as error:
            # Another run may have issued it since the plan was made.
            known = register.find_source(planned.application.source or "")
            if known is None:
                refused.append(Problem(planned.row, "", error))
                on_row(refused[-1])
                continue
            done = Issued(planned.row, known, is_new=False)
        issued.append(done)
        on_row(done)
    return issued, refused
