"""Passages as a table for staff: CSV and XLSX for people, JSON for machines, masked unless somebody may see more.

The columns are those of the person passage form (人员出入登记表), as far as an event holds them. Text from outside is
data in every format: control and direction characters are replaced, formulas stay text.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from passes.errors import N_, GatepostError
from passes.kinds import PRESETS
from passes.masking import mask_name, mask_number
from passes.plaintext import plain
from sync.bodies import Visit
from sync.community.database import exports, writing
from sync.community.instants import local_time
from sync.community.masking import mask_address, mask_text
from sync.community.shiftlog import Passage
from sync.events import new_id

Say = Callable[[str], str]
"""Translates a title or a word; exports themselves are written in English."""

COLUMNS: dict[str, str] = {
    "no": N_("No."),
    "date": N_("Date"),
    "time": N_("Time"),
    "station": N_("Station"),
    "direction": N_("In/out"),
    "holder": N_("Name"),
    "pass_number": N_("Pass number"),
    "pass_kind": N_("Kind"),
    "address": N_("Address"),
    "reading_celsius": N_("Reading (°C)"),
    "second_reading_celsius": N_("Second reading (°C)"),
    "outcome": N_("Outcome"),
    "reasons": N_("Reasons"),
    "remark": N_("Remark"),
    "guard": N_("Recorded by"),
    "shift": N_("Shift"),
    "id_tail": N_("ID number, end"),
    "phone_tail": N_("Phone, end"),
    "host": N_("Visits"),
    "origin": N_("Coming from"),
    "purpose": N_("Purpose"),
}
WORDS: dict[str, str] = {
    "entry": N_("in"),
    "exit": N_("out"),
    "allowed": N_("allowed"),
    "refused": N_("refused"),
    "turned_back": N_("turned back"),
}
_TEXT_LIMIT = 1000
_WIDTHS = {"no": 6, "date": 11, "time": 9, "address": 24, "reasons": 24, "remark": 24, "shift": 38}
# Excel and WPS also take the full-width forms for the start of a formula.
_FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")


class ExportError(GatepostError):
    """A file that cannot be written."""


Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Passages ready to be written: one dictionary per passage, keyed by `COLUMNS`, codes not yet put into words."""

    rows: list[dict[str, Any]]
    unmasked: bool


def make_sheet(
    passages: Sequence[Passage],
    zone: ZoneInfo,
    *,
    unmasked: bool = False,
    tails: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Sheet:
    """Lay out passages with drift-corrected times in `zone`.

    Names and pass numbers are masked as at the gate (`passes.masking`), addresses keep their building, and remarks are
    hidden, unless `unmasked`. The guard's name stays: it says who answers for the record. `tails` are the ends of ID
    number and phone by the holder's id; more of them is in no export.
    """
    rows = [_row(number, passage, zone, unmasked, tails) for number, passage in enumerate(passages, 1)]
    return Sheet(rows, unmasked)


def to_json(sheet: Sheet) -> bytes:
    """Return the passages as a JSON array of objects with stable keys and codes; every value is exact."""
    text = json.dumps(sheet.rows, ensure_ascii=False, indent=1)
    # Whoever prints this to a terminal must not run its control or direction characters.
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text).encode()


def to_csv(sheet: Sheet, say: Say = str) -> bytes:
    """Return the table as CSV in UTF-8 with a byte order mark, by which Excel knows that it is not GBK."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([say(title) for title in COLUMNS.values()])
    for row in sheet.rows:
        writer.writerow([_guarded(cell) if isinstance(cell, str) else cell for cell in _cells(row, say)])
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(sheet: Sheet, created_at_ms: int, say: Say = str) -> bytes:
    """Return the table as an XLSX workbook in which every text is a text cell, never a formula or a link."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"created": datetime.fromtimestamp(created_at_ms / 1000, UTC)})
        page = book.add_worksheet()
        bold, degrees = book.add_format({"bold": True}), book.add_format({"num_format": "0.0#"})
        for column, (key, title) in enumerate(COLUMNS.items()):
            page.write_string(0, column, say(title), bold)
            page.set_column(column, column, _WIDTHS.get(key, 13))
        page.freeze_panes(1, 0)
        for line, row in enumerate(sheet.rows, 1):
            for column, cell in enumerate(_cells(row, say)):
                if isinstance(cell, str):
                    page.write_string(line, column, cell)
                elif cell is not None:
                    page.write_number(line, column, cell, degrees if isinstance(cell, float) else None)
    return out.getvalue()


def save(path: Path, data: bytes) -> None:
    """Put `data` into `path` as a whole, readable by its owner only; raises `ExportError`."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600, exist_ok=False)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise ExportError(
            N_("{path}: cannot be written ({error}); name another file or free some space"), path=path, error=error
        ) from error


def log_export(
    engine: sa.Engine,
    community: str,
    sheet: Sheet,
    *,
    staff_name: str | None,
    selection: str,
    file_format: str,
    now_ms: int,
) -> None:
    """Write down that somebody is about to take these passages out of the database, and whether unmasked."""
    log_access(
        engine,
        community,
        staff_name=staff_name,
        selection=selection,
        file_format=file_format,
        passages=len(sheet.rows),
        unmasked=sheet.unmasked,
        now_ms=now_ms,
    )


def log_access(
    engine: sa.Engine,
    community: str,
    *,
    staff_name: str | None,
    selection: str,
    file_format: str,
    passages: int,
    unmasked: bool,
    now_ms: int,
) -> None:
    """Write down that somebody looks at personal data: `selection` says whose, as JSON, `file_format` in which form."""
    row = {
        "community": community,
        "id": new_id(now_ms),
        "at_ms": now_ms,
        "staff_name": staff_name,
        "selection": selection,
        "format": file_format,
        "passages": passages,
        "unmasked": unmasked,
    }
    with writing(engine) as connection:
        connection.execute(sa.insert(exports), row)


def _row(
    number: int, passage: Passage, zone: ZoneInfo, unmasked: bool, tails: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    body = passage.body
    visit = body.visit or Visit()
    id_tail, phone_tail = tails.get(body.holder_id or "", ("", ""))
    happened = local_time(passage.happened_ms, zone)
    readings = [attempt.celsius for attempt in body.attempts]
    name, address = body.holder or "", body.address or ""
    pass_number, remark = body.pass_number or "", body.remark or ""
    return {
        "no": number,
        "date": f"{happened:%Y-%m-%d}",
        "time": f"{happened:%H:%M:%S}",
        "station": passage.station,
        "direction": body.direction,
        "holder": name if unmasked else mask_name(name),
        "pass_number": pass_number if unmasked else mask_number(pass_number),
        "pass_kind": body.pass_kind,
        "address": address if unmasked else mask_address(address),
        "reading_celsius": readings[0] if readings else None,
        "second_reading_celsius": readings[-1] if len(readings) > 1 else None,
        "outcome": body.outcome,
        "reasons": body.reasons,
        "remark": remark if unmasked else mask_text(remark),
        "guard": passage.guard,
        "shift": passage.shift,
        "id_tail": id_tail,
        "phone_tail": phone_tail,
        "host": visit.host if unmasked else mask_name(visit.host),
        "origin": visit.origin if unmasked else mask_text(visit.origin),
        "purpose": visit.purpose if unmasked else mask_text(visit.purpose),
        "event": passage.id,
        "epoch": passage.epoch,
        "seq": passage.seq,
        "at_ms": passage.at_ms,
        "happened_ms": passage.happened_ms,
    }


def _cells(row: dict[str, Any], say: Say) -> list[Cell]:
    cells: list[Cell] = []
    for key in COLUMNS:
        value = row[key]
        if key in {"direction", "outcome"}:
            value = say(WORDS[value])
        elif key == "pass_kind" and value in PRESETS:
            value = say(PRESETS[value].label)
        elif key == "reasons":
            value = ", ".join(say(reason) for reason in value)
        cells.append(plain(value, _TEXT_LIMIT) if isinstance(value, str) else value)
    return cells


def _guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run (OWASP, CSV injection)."""
    return "'" + text if text.lstrip().startswith(_FORMULA_STARTS) or text.startswith(_FORMULA_STARTS) else text
