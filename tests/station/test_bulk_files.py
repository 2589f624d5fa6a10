"""Files as people have them: read as they are meant, or refused in one sentence before anything is unpacked."""

import datetime
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from station.bulk.spreadsheet import MAX_ROWS, Cell, Merged, SpreadsheetError, read_sheet

TABLE = [["姓名", "住址"], ["王小明", "3-2-501"], ["张三", "3-2-502"]]


def csv_file(folder: Path, data: bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def xlsx_file(folder: Path, fill: Callable[[Any, Any], object], name: str = "list.xlsx") -> Path:
    path = folder / name
    with xlsxwriter.Workbook(str(path)) as book:
        fill(book, book.add_worksheet())
    return path


def table_file(folder: Path, table: list[list[str]]) -> Path:
    return xlsx_file(folder, lambda _book, page: [page.write_row(at, 0, cells) for at, cells in enumerate(table)])


def texts(path: Path, name: str | None = None) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in read_sheet(path, name).rows]


def replaced(path: Path, part: str, old: str, new: str) -> Path:
    """Write the workbook anew with other text in one of its parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in parts[part]
    parts[part] = parts[part].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


SHEET_1 = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_its_encoding_and_with_its_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = "".join(delimiter.join(cells) + "\r\n" for cells in TABLE)

    sheet = read_sheet(csv_file(tmp_path, text.encode(encoding)))

    assert [[cell.text for cell in row.cells] for row in sheet.rows] == TABLE
    assert sheet.encoding == encoding
    assert sheet.delimiter == {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter]


def test_rows_keep_the_number_that_the_spreadsheet_shows(tmp_path: Path) -> None:
    path = csv_file(tmp_path, '姓名,住址\n\n"王小\n明","3,2;501"\n,,\n张三,1'.encode())

    sheet = read_sheet(path)

    assert [(row.number, [cell.text for cell in row.cells]) for row in sheet.rows] == [
        (1, ["姓名", "住址"]),
        (3, ["王小\n明", "3,2;501"]),
        (5, ["张三", "1"]),
    ]


def test_an_apostrophe_that_guards_a_cell_is_no_part_of_it(tmp_path: Path) -> None:
    assert texts(csv_file(tmp_path, b"'=1+1,'990101199003071231,'t Hooft,'")) == [
        ["=1+1", "990101199003071231", "'t Hooft", "'"]
    ]


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b'a,b\n"never closed,1\n', "list.csv", ["line 2", "quotation marks"]),
        (b'a,b\n"x"y,1\n', "list.csv", ["line 2"]),
        (b"a,b\n" + b"x" * 200_000, "list.csv", ["line 2"]),
        ("姓名".encode("utf-16"), "list.csv", ["UTF-8 or GB 18030"]),
        (b"a\0b", "list.csv", ["UTF-8 or GB 18030"]),
        (b"\xff\xd8\xff\xe0" + bytes(range(256)), "list.csv", ["UTF-8 or GB 18030"]),
        (b"%PDF-1.7", "list.pdf", ["is no spreadsheet", ".xlsx or .csv"]),
        (b"name,address", "list.xlsx", ["is no spreadsheet"]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "list.xls", ["old .xls", "password"]),
        (b"PK\x03\x04" + bytes(100), "list.xlsx", ["is no XLSX workbook"]),
        (b"PK\x03\x04 not at all", "list.csv", ["is no XLSX workbook"]),
        (b"x" * 20_000_001, "list.csv", ["more than 20 MB"]),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_a_file_that_is_no_spreadsheet_is_told(tmp_path: Path, data: bytes, name: str, words: list[str]) -> None:
    path = csv_file(tmp_path, data, name)

    with pytest.raises(SpreadsheetError) as caught:
        read_sheet(path)

    assert [word for word in (str(path), *words) if word not in str(caught.value)] == []


def test_an_archive_of_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "letter.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")

    with pytest.raises(SpreadsheetError, match="is no XLSX workbook"):
        read_sheet(path)


def test_a_workbook_is_read_cell_by_cell(tmp_path: Path) -> None:
    def fill(book: Any, page: Any) -> None:
        as_day = book.add_format({"num_format": "yyyy-mm-dd"})
        page.write_row(0, 0, ["text", 301, 3.5, 370212199001011000, True])
        page.write_datetime(1, 0, datetime.date(2026, 3, 31), as_day)
        page.write_number(1, 1, 46112 + 8.5 / 24, as_day)
        page.write_formula(1, 2, "=1+1", None, 2)
        page.write_string(1, 3, "=1+1")
        page.write_array_formula("E2:E2", "{=SUM(A1:A2)}", None, 3)
        page.write_formula(1, 5, "=1/0", None, "#DIV/0!")
        page.write_string(3, 1, "far")
        page.write_blank(5, 0, None, as_day)

    sheet = read_sheet(xlsx_file(tmp_path, fill))

    assert sheet.name == "Sheet1"
    assert [row.number for row in sheet.rows] == [1, 2, 4]
    assert sheet.rows[0].cells == (
        Cell("text"),
        Cell("301", "number"),
        Cell("3.5", "number"),
        Cell("3.70212199001011e+17", "number"),
        Cell("True"),
    )
    assert sheet.rows[1].cells == (
        Cell("2026-03-31", "date"),
        Cell("2026-03-31 08:30:00", "date"),
        Cell("=1+1", "formula"),
        Cell("=1+1"),
        Cell("=SUM(A1:A2)", "formula"),
        Cell("=1/0", "formula"),
    )
    assert sheet.rows[2].cells == (Cell(""), Cell("far"))


def test_days_of_a_mac_workbook_are_the_same_days(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active["A1"] = datetime.date(2026, 3, 31)
    book.save(tmp_path / "mac.xlsx")

    assert read_sheet(tmp_path / "mac.xlsx").rows[0].cells == (Cell("2026-03-31", "date"),)


def test_errors_of_the_spreadsheet_are_marked(tmp_path: Path) -> None:
    path = table_file(tmp_path, [["x"]])
    replaced(path, SHEET_1, '<c r="A1" t="s"><v>0</v></c>', '<c r="A1" t="e"><v>#N/A</v></c>')

    assert read_sheet(path).rows[0].cells == (Cell("#N/A", "error"),)


def test_merged_cells_are_told_with_their_place(tmp_path: Path) -> None:
    def fill(_book: Any, page: Any) -> None:
        page.merge_range("A1:C1", "title")
        page.merge_range("B3:B5", "address")

    assert read_sheet(xlsx_file(tmp_path, fill)).merged == [Merged("A1:C1", 1, 1, 0, 2), Merged("B3:B5", 3, 5, 1, 1)]


def test_the_first_sheet_shown_is_read_unless_another_is_named(tmp_path: Path) -> None:
    def fill(book: Any, page: Any) -> None:
        page.write(0, 0, "hidden")
        second, third = book.add_worksheet("一期"), book.add_worksheet("二期")
        second.write(0, 0, "first")
        third.write(0, 0, "second")
        second.activate()
        second.set_first_sheet()
        page.hide()

    path = xlsx_file(tmp_path, fill)

    assert texts(path) == [["first"]]
    assert read_sheet(path).not_read == ("Sheet1", "二期")
    assert texts(path, "二期") == [["second"]]
    with pytest.raises(SpreadsheetError, match='"三期": no such sheet; there are: Sheet1, 一期, 二期'):
        read_sheet(path, "三期")
    with pytest.raises(SpreadsheetError, match="has no sheets"):
        read_sheet(csv_file(tmp_path, b"a,b"), "二期")


def test_no_more_than_5000_rows_are_read(tmp_path: Path) -> None:
    table = [[f"甲{n}", str(n)] for n in range(50_000)]

    for path in (
        table_file(tmp_path, table),
        csv_file(tmp_path, "\n".join(",".join(cells) for cells in table).encode()),
    ):
        with pytest.raises(SpreadsheetError, match=f"has more than {MAX_ROWS} rows; split it"):
            read_sheet(path)


def test_far_cells_take_no_room(tmp_path: Path) -> None:
    low = xlsx_file(tmp_path, lambda _book, page: [page.write(0, 0, "a"), page.write(1_048_575, 0, "b")])
    assert [row.number for row in read_sheet(low).rows] == [1, 1_048_576]

    wide = xlsx_file(tmp_path, lambda _book, page: page.write(1_048_575, 16_383, "b"))
    with pytest.raises(SpreadsheetError, match="row 1048576 has more than 200 columns"):
        read_sheet(wide)

    none = replaced(table_file(tmp_path, [["a"], ["b"]]), SHEET_1, 'r="2"', 'r="99999999999999"')
    with pytest.raises(SpreadsheetError, match="rows"):
        read_sheet(none)


def test_a_merged_range_over_everything_takes_no_room(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, lambda _book, page: page.merge_range("A1:B2", "x"))
    replaced(path, SHEET_1, '<mergeCell ref="A1:B2"/>', '<mergeCell ref="A1:XFD1048576"/>')

    assert read_sheet(path).merged == [Merged("A1:XFD1048576", 1, 1_048_576, 0, 16_383)]


def zipped(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    bomb = zipped(tmp_path / "bomb.xlsx", {SHEET_1: b"<row/>" * 500_000})
    heavy = zipped(tmp_path / "heavy.xlsx", {SHEET_1: b"".join(chance.randbytes(512) * 20 for _ in range(4_000))})
    many = zipped(tmp_path / "many.xlsx", {f"xl/{n}.xml": b"" for n in range(2_001)})
    assert bomb.stat().st_size < 20_000
    assert heavy.stat().st_size < 5_000_000

    def unpack(*_args: object, **_more: object) -> None:
        raise AssertionError("unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", unpack)
    for path in (bomb, heavy, many):
        with pytest.raises(SpreadsheetError, match="would unpack to more than a list"):
            read_sheet(path)


def test_a_zip_bomb_that_understates_itself_is_cut_off(tmp_path: Path) -> None:
    path = table_file(tmp_path, TABLE)
    with zipfile.ZipFile(path) as archive:
        true_size = archive.getinfo(SHEET_1).file_size
        parts = {name: archive.read(name) for name in archive.namelist()}
    zipped(path, {**parts, SHEET_1: parts[SHEET_1] + bytes(5_000_000)})
    data = path.read_bytes()
    false_size = (true_size + 5_000_000).to_bytes(4, "little")
    assert data.count(false_size) == 2
    path.write_bytes(data.replace(false_size, true_size.to_bytes(4, "little")))

    with pytest.raises(SpreadsheetError, match="is damaged"):
        read_sheet(path)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    path = table_file(tmp_path, [["x" * 10]])
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    replaced(path, "xl/sharedStrings.xml", "<sst", f'<!DOCTYPE sst [<!ENTITY l0 "ha">{laughs}]><sst')
    replaced(path, "xl/sharedStrings.xml", "x" * 10, "&l11;")

    with pytest.raises(SpreadsheetError, match="is damaged"):
        read_sheet(path)


def test_damage_is_told_or_changes_nothing_but_text(tmp_path: Path) -> None:
    whole = table_file(tmp_path, TABLE).read_bytes()
    unpacked = {
        name: zipfile.ZipFile(io.BytesIO(whole)).read(name) for name in (SHEET_1, "xl/workbook.xml", "xl/styles.xml")
    }
    chance = random.Random(1)
    told = 0
    for _ in range(60):
        data = bytearray(whole)
        data[chance.randrange(4, len(data))] ^= 1 << chance.randrange(8)
        told += not readable(csv_file(tmp_path, bytes(data[: chance.choice([len(data), len(data) // 2])]), "bad.xlsx"))
    for part, text in unpacked.items():
        for _ in range(40):
            at = chance.randrange(len(text) - 8)
            changed = text[:at] + bytes([chance.randrange(32, 127)]) + text[at + chance.randrange(1, 8) :]
            path = csv_file(tmp_path, whole, "bad.xlsx")
            with zipfile.ZipFile(io.BytesIO(whole)) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
            told += not readable(zipped(path, {**parts, part: changed}))
    assert told > 60


def readable(path: Path) -> bool:
    try:
        read_sheet(path)
    except SpreadsheetError:
        return False
    return True
