"""What stands in one cell: text, a day, a kind, or a reason why no pass can be made of it."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

from passes.errors import N_, GatepostError
from passes.identity import mask_id_numbers
from passes.kinds import Kind
from passes.plaintext import plain
from station.bulk.columns import fold
from station.bulk.spreadsheet import Cell

MOST_BYTES = {
    "name": 40,
    "address": 40,
    "household": 60,
    "remark": 200,
    "compound": 40,
    "building": 20,
    "unit": 20,
    "room": 20,
    "grid": 40,
}
"""As much as a pass takes of each (`station.issuing`), and a household of its parts."""

_NOTHING = {"无", "没有", "/", "-", "--", "—", "——", "none", "n/a"}
"""What people write into a cell that has nothing to say."""

_DAYS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(\d{4})-(\d{1,2})-(\d{1,2})",
        r"(\d{4})/(\d{1,2})/(\d{1,2})",
        r"(\d{4})年(\d{1,2})月(\d{1,2})日",
        r"(\d{4})(\d{2})(\d{2})",
    )
)
_FIRST_YEAR = 1970
"""A pass counts its days from 1970-01-01 (docs/token.md)."""

_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_EXACT_DIGITS = 15
"""Digits that a spreadsheet keeps of a number (IEEE 754 binary64)."""


class RowError(GatepostError):
    """A cell or row that no pass can be made of."""


def read_text(field: str, cell: Cell) -> str:
    """Return what the cell says as one half-width line, empty for words such as 无 and /.

    Raises `RowError` for a formula, for an error, and for what the spreadsheet made a date or a rounded number of.
    """
    text = " ".join(unicodedata.normalize("NFKC", cell.text).split())
    if text.casefold() in _NOTHING:
        return ""
    # A name never begins with a sign; an address may be on floor -1.
    if cell.form == "formula" or text.startswith("=") or (field == "name" and text.startswith(("+", "-", "@"))):
        raise RowError(
            N_('"{text}" is a formula; write the text itself, or paste the column as values'), text=shown(text)
        )
    if cell.form == "error":
        raise RowError(N_('the cell shows the error "{text}"; write its value'), text=shown(text))
    if cell.form == "date" and field not in {"from", "until"}:
        raise RowError(N_("the spreadsheet made a date of it; format the column as text and write it again"))
    is_rounded = field in {"id_number", "phone"} and _ROUNDED.fullmatch(text)
    if is_rounded or (cell.form == "number" and sum(char.isdigit() for char in text) > _EXACT_DIGITS):
        raise RowError(N_("the spreadsheet has rounded this number; format the column as text and write it again"))
    return text


def parse_words(field: str, text: str) -> str:
    """Return the text of a field of `MOST_BYTES` as it goes on a pass or into the roster, half-width.

    Chinese names lose the spaces that line them up. Raises `RowError` for what is too long, cannot be seen or printed,
    or holds an ID number.
    """
    words = unicodedata.normalize("NFKC", text)
    if field == "name" and not any(char.isascii() and char.isalpha() for char in words):
        words = words.replace(" ", "")
    if mask_id_numbers(words) != words:
        raise RowError(N_("holds a number as long as an ID number; see whether the columns have slipped"))
    if plain(words, len(words)) != words:
        raise RowError(N_("holds invisible or control characters; write it anew"))
    size, most = len(words.encode()), MOST_BYTES[field]
    if size > most:
        raise RowError(
            N_('"{text}" takes {size} bytes, at most {most} fit (a Chinese character has 3); shorten it'),
            text=shown(words),
            size=size,
            most=most,
        )
    return words


def parse_day(text: str) -> date:
    """Return the day written as 2026-03-31, 2026/3/31, 2026年3月31日 or 20260331; raises `RowError` for all else."""
    for form in _DAYS:
        if found := form.fullmatch(text):
            year, month, day = map(int, found.groups())
            try:
                if year >= _FIRST_YEAR:
                    return date(year, month, day)
            except ValueError:
                break
    raise RowError(N_('"{text}": no such day; write it like 2026-03-31'), text=shown(text))


class KindNames:
    """The kinds of a community by code, label and translated labels, however they are written.

    Each of `translate` turns a label into one language; the first is the one that the user reads.
    """

    def __init__(self, kinds: Mapping[str, Kind], *translate: Callable[[str], str]) -> None:
        self._labels = [translate[0](kind.label) if translate else kind.label for kind in kinds.values()]
        self._kinds = {
            fold(name): kind
            for kind in kinds.values()
            for name in (kind.code, kind.label, *(say(kind.label) for say in translate))
        }

    def parse(self, text: str) -> Kind:
        """Return the kind of this name; raises `RowError` which lists those that there are."""
        kind = self._kinds.get(fold(text))
        if kind is None:
            raise RowError(
                N_('"{text}" is no kind; there are: {kinds}'), text=shown(text), kinds=", ".join(self._labels)
            )
        return kind


def shown(text: str) -> str:
    """Return `text` as a sentence may hold it: short, printable, and no ID number but for its last four characters."""
    return plain(mask_id_numbers(text), 40)
