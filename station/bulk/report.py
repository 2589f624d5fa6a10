"""The bad rows as a CSV file: what is wrong with each, beside the cells as they were.

It can be corrected and issued from: its first three columns are no columns of the list and are ignored there.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain
from station.bulk.rows import Problem
from station.bulk.run import Plan

# Excel and WPS also take the full-width forms for the start of a formula.
_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_MOST_CHARS = 1_000


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
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    heads = [say(N_("Row")), say(N_("Column")), say(N_("Reason"))]
    writer.writerow([_guarded(cell) for cell in (*heads, *plan.columns.titles)])
    for row, found in sorted(by_row.items()):
        columns = "; ".join(dict.fromkeys(problem.column for problem in found if problem.column))
        reasons = "; ".join(explain(problem.error) for problem in found)
        cells = plan.cells[row] + ("",) * (len(plan.columns.titles) - len(plan.cells[row]))
        writer.writerow([row, *(_guarded(cell) for cell in (columns, reasons, *cells))])
    _save(path, plan.sheet.path, out.getvalue().encode("utf-8-sig"))


def _save(path: Path, source: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        if path.exists() and path.samefile(source):
            raise UsageError(N_("--report = {path}: that is the list itself; name another file"), path=path)
        part.unlink(missing_ok=True)
        part.touch(mode=0o600, exist_ok=False)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise UsageError(
            N_("--report = {path}: cannot be written ({error}); name another file"),
            path=path,
            error=error.strerror or error,
        ) from error


def _guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run (OWASP, CSV injection)."""
    shown = plain(text, _MOST_CHARS)
    return "'" + shown if shown.lstrip().startswith(_FORMULA_STARTS) else shown
