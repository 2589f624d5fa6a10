"""Tables as files that people open in a spreadsheet: guarded against formulas, written whole or not at all."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from passes.errors import N_, UsageError
from passes.plaintext import plain

# Excel and WPS also take the full-width forms for the start of a formula.
_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_MOST_CHARS = 1_000


def save_table(path: Path, option: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to `path` in the form that its ending names, .csv or .xlsx; `option` is what named it.

    CSV is UTF-8 with a byte order mark, for Excel. Raises `UsageError` for another ending and for a file that cannot be
    written.
    """
    forms = {".csv": _csv, ".xlsx": _xlsx}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise UsageError(N_("{option} = {path}: write a name that ends in .csv or .xlsx"), option=option, path=path)
    save_whole(path, option, form(header, rows))


def save_whole(path: Path, option: str, data: bytes) -> None:
    """Write a file that its owner alone may read, as a whole; raises `UsageError` naming `option` and path."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600, exist_ok=False)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise UsageError(
            N_("{option} = {path}: cannot be written ({error}); name another file"),
            option=option,
            path=path,
            error=error.strerror or error,
        ) from error


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run (OWASP, CSV injection)."""
    shown = plain(text, _MOST_CHARS)
    return "'" + shown if shown.lstrip().startswith(_FORMULA_STARTS) else shown


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([guarded(cell) for cell in row] for row in (header, *rows))
    return out.getvalue().encode("utf-8-sig")


def _xlsx(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    from xlsxwriter import Workbook

    out = io.BytesIO()
    with Workbook(out, {"in_memory": True}) as workbook:
        page = workbook.add_worksheet()
        text = workbook.add_format({"num_format": "@"})
        for number, row in enumerate((header, *rows)):
            for place, cell in enumerate(row):
                # Written as a text, what looks like a formula is none.
                page.write_string(number, place, plain(cell, _MOST_CHARS), text)
    return out.getvalue()
