"""The bad rows as a CSV file: what is wrong with each, beside the cells as they were.

It can be corrected and issued from: its first three columns are no columns of the list and are ignored there.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from passes.errors import N_, GatepostError, UsageError
from station.bulk.reading import Problem
from station.bulk.run import Plan
from station.tables import guarded, save_whole


def save_report(
    path: Path,
    plan: Plan,
    problems: Iterable[Problem],
    say: Callable[[str], str],
    explain: Callable[[GatepostError], str],
) -> None:
    """Write the bad rows to `path` as a whole, readable by its owner only, in UTF-8 with a byte order mark for Excel.

    One line a row; several problems are joined. ID numbers are hidden but for their last four characters. Raises
    `UsageError` when that is the list itself, or cannot be written.
    """
    by_row: dict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_row[problem.row].append(problem)
    if path.exists() and path.samefile(plan.sheet.path):
        raise UsageError(N_("--report = {path}: that is the list itself; name another file"), path=path)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    heads = [say(N_("Row")), say(N_("Column")), say(N_("Reason"))]
    writer.writerow([guarded(cell) for cell in (*heads, *plan.columns.titles)])
    for row, found in sorted(by_row.items()):
        columns = "; ".join(dict.fromkeys(problem.column for problem in found if problem.column))
        reasons = "; ".join(explain(problem.error) for problem in found)
        cells = plan.cells[row] + ("",) * (len(plan.columns.titles) - len(plan.cells[row]))
        writer.writerow([row, *(guarded(cell) for cell in (columns, reasons, *cells))])
    save_whole(path, "--report", out.getvalue().encode("utf-8-sig"))
