"""Workbooks of rows that come one by one: read back by another library, every text is what it was."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from sync.community import workbook
from sync.community.workbook import Cell, Page, write_workbook

CREATED = datetime(2026, 2, 7, tzinfo=UTC)
ODD = ["=1+1", "@x", "https://x.invalid", 'a&b<c>"d"\'', " led and trailed ", "_x000A_ _x_", "𠮷田", ""]


def _decoded(value: object) -> object:
    return unescape(value) if isinstance(value, str) else value


def test_every_cell_comes_back_as_what_it_was() -> None:
    rows: list[Sequence[Cell]] = [[text, number, None, 36.5] for number, text in enumerate(ODD)]
    out = io.BytesIO()
    pages = [Page(["甲", "乙", "=丙", "丁"], [6, 7, 8, 9], rows), Page(["x"], [5], [])]
    assert write_workbook(pages, out, CREATED) == len(rows)
    book = openpyxl.load_workbook(out)
    first, second = book.worksheets
    # The library leaves the codes of in-line texts to its caller.
    assert [[_decoded(cell.value) for cell in row] for row in first.iter_rows()] == [
        ["甲", "乙", "=丙", "丁"],
        *[[text or None, number, None, 36.5] for number, text in enumerate(ODD)],
    ]
    assert {cell.data_type for row in first.iter_rows(max_col=1) for cell in row} <= {"s", "inlineStr", "n"}
    assert first["D2"].number_format == "0.0#"
    assert first["B2"].number_format == "General"
    assert first["A1"].font.bold
    assert (first.column_dimensions["D"].width, first.freeze_panes) == (pytest.approx(9, abs=1), "A2")
    assert [[cell.value for cell in row] for row in second.iter_rows()] == [["x"]]
    assert book.properties.created == CREATED.replace(tzinfo=None)


def test_what_xml_cannot_hold_does_not_break_the_file() -> None:
    out = io.BytesIO()
    write_workbook([Page(["x"], [5], [("a\uffffb\ufffe",)])], out, CREATED)
    assert openpyxl.load_workbook(out).worksheets[0]["A2"].value == "a\ufffdb\ufffd"


def test_a_page_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 1200)

    def rows(count: int) -> Iterator[list[Cell]]:
        for number in range(count):
            yield [number]

    out = io.BytesIO()
    assert write_workbook([Page(["x"], [5], rows(1200))], out, CREATED) == 1200
    with zipfile.ZipFile(out) as book:
        assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == 1201
    with pytest.raises(OverflowError):
        write_workbook([Page(["x"], [5], rows(1201))], io.BytesIO(), CREATED)
