"""Which column holds what, found by its header in Chinese or English."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from passes.errors import N_
from passes.plaintext import plain
from station.bulk.spreadsheet import HEADER_ROWS, MAX_ROWS, Row, Sheet, SpreadsheetError, too_many_rows

HEADERS = {
    field: tuple(headers.split())
    for field, headers in {
        "name": "姓名 名字 持证人 持证人姓名 申请人 申请人姓名 name fullname holder",
        "address": "住址 地址 家庭住址 现住址 居住地址 详细地址 楼栋单元房号 楼号单元房号 楼栋房号 门牌 门牌号 address",
        "building": "楼栋 楼栋号 楼号 栋 栋号 幢 幢号 building block",
        "unit": "单元 单元号 unit",
        "room": "房号 房间 房间号 室 室号 room roomno roomnumber",
        "kind": "类别 通行证类别 出入证类别 通行证类型 出入证类型 人员类别 kind passkind category",
        "from": "起 自 起始 开始 开始日期 起始日期 生效日期 有效期起 有效期自 from validfrom start startdate",
        "until": "止 至 截止 截止日期 结束日期 到期日期 失效日期 有效期止 有效期至 until validuntil end enddate",
        "household": "户 户主 户主姓名 户号 household householder",
        "id_number": "身份证 身份证号 身份证号码 公民身份号码 证件号 证件号码 idnumber idno idcard idcardnumber",
        "phone": "电话 电话号码 联系电话 联系方式 手机 手机号 手机号码 phone phonenumber mobile telephone",
        "plate": "车牌 车牌号 车牌号码 车号 plate platenumber licenseplate",
        "remark": "备注 说明 remark remarks note notes",
    }.items()
}
"""The headers of each field as `fold` leaves them; the first stands for it in sentences."""

REQUIRED = ("name", "address", "kind", "from", "until")
SEALED = ("id_number", "phone")
"""Fields that are kept for the office alone, sealed; dropped where it gave no key to seal to."""

NOT_KEPT = ("plate", "remark")
"""Fields that are looked through and then dropped: a pass holds none of them."""

ADDRESS_PARTS = ("building", "unit", "room")


@dataclass(frozen=True, slots=True)
class Form:
    """What a list consists of: the headers of each field as `fold` leaves them, and the fields that it must have.

    With `keeps_parts`, building, unit and room are fields beside the address that they make.
    """

    headers: dict[str, tuple[str, ...]]
    required: tuple[str, ...]
    keeps_parts: bool = False

    def field(self, header: str) -> str | None:
        """Return the field that a header stands for."""
        wanted = fold(header)
        return next((field for field, headers in self.headers.items() if wanted in headers), None)


PASSES = Form(HEADERS, REQUIRED)
"""A list of people who are to get passes."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fields stand: `places` from 0 by field, the titles as they are written, and those without a field.

    An address may stand in several columns: building, unit and room.
    """

    header_row: int
    places: dict[str, tuple[int, ...]]
    titles: tuple[str, ...]
    ignored: tuple[str, ...]
    form: Form = PASSES

    def title(self, *fields: str) -> str:
        """Return the title of the first of these fields that has a column; empty when none has."""
        places: tuple[int, ...] = next((self.places[field] for field in fields if field in self.places), ())
        return "+".join(self.titles[place] for place in places)


def fold(text: str) -> str:
    """Return `text` as headers and kinds are compared: half-width, without case, spaces, signs and (remarks)."""
    without_remarks = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】", "", unicodedata.normalize("NFKC", text))
    return "".join(char for char in without_remarks.casefold() if char.isalnum())


def find_columns(sheet: Sheet, defaults: Collection[str] = (), form: Form = PASSES) -> tuple[Columns, list[Row]]:
    """Find the header of a list of this form, below a title if there is one; return the columns and the rows of data.

    `defaults` names fields that need no column. Raises `SpreadsheetError` when there is no header, when a field is
    missing or has two columns, and when the data is too long.
    """
    index = _header_index(sheet, form)
    header = sheet.rows[index]
    titles = tuple(" ".join(cell.text.split()) for cell in header.cells)
    fields = _fields(header, form)
    places = _places(sheet, titles, fields, form)
    missing = [field for field in form.required if field not in places and field not in defaults]
    if missing:
        raise SpreadsheetError(
            N_("{path}: no column for {missing}; row {row} has: {found}. Correct the header, or say it by an option"),
            path=sheet.path,
            missing=", ".join(f"{field} {form.headers[field][0]}" for field in missing),
            row=header.number,
            found=_listed(titles),
        )
    rows = sheet.rows[index + 1 :]
    if len(rows) > MAX_ROWS:
        raise too_many_rows(sheet.path)
    ignored = tuple(title for title, field in zip(titles, fields, strict=True) if title and field is None)
    return Columns(header.number, places, titles, ignored, form), rows


def _header_index(sheet: Sheet, form: Form) -> int:
    for index, row in enumerate(sheet.rows[:HEADER_ROWS]):
        if len(set(_fields(row, form)) - {None}) >= 2:
            return index
    raise SpreadsheetError(
        N_("{path}: no row of headers such as 姓名 and 住址 (name and address); the first row says: {found}"),
        path=sheet.path,
        found=_listed(cell.text for cell in sheet.rows[0].cells) if sheet.rows else "-",
    )


def _fields(row: Row, form: Form) -> list[str | None]:
    return [form.field(cell.text) for cell in row.cells]


def _places(sheet: Sheet, titles: tuple[str, ...], fields: list[str | None], form: Form) -> dict[str, tuple[int, ...]]:
    single: dict[str, int] = {}
    for place, field in enumerate(fields):
        if field in single:
            raise _said_twice(sheet, titles[single[field]], titles[place])
        if field:
            single[field] = place
    parts = tuple(single[part] for part in ADDRESS_PARTS if part in single)
    if parts and "address" in single:
        raise _said_twice(sheet, titles[single["address"]], titles[parts[0]])
    places: dict[str, tuple[int, ...]] = {
        field: (place,) for field, place in single.items() if form.keeps_parts or field not in ADDRESS_PARTS
    }
    # 房号 alone is a whole address; 楼栋 and 单元 are none without it.
    if "room" in fields:
        places["address"] = parts
    return places


def _said_twice(sheet: Sheet, first: str, second: str) -> SpreadsheetError:
    return SpreadsheetError(
        N_("{path}: the columns {first} and {second} say the same; delete one, or give it another header"),
        path=sheet.path,
        first=plain(first),
        second=plain(second),
    )


def _listed(titles: Iterable[str]) -> str:
    return ", ".join(plain(title, 30) for title in titles if title.strip()) or "-"
