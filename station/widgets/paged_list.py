"""A list of any length: one page of rows at a time, names hidden until a key shows one."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from passes.masking import mask_name
from passes.plaintext import plain
from station.widgets.lines import column

PAGE_ROWS: Final = 200
_GAP = "  "
_LEAST_CELLS = 6
_MARK_CELLS = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A heading in the user's language and its width in cells; one column of a list has 0: what the others leave.

    Where not all fit, those at the right end are left out. `is_name` hides what stands there, until it is unmasked.
    """

    heading: str
    cells: int = 0
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row: its place, after which the next page goes on, and a cell for each column, as they are in the records.

    `subject` is the id of whom or what it names; a row without one has nothing to unmask. `is_loud` asks for notice.
    """

    key: Hashable
    cells: tuple[str, ...]
    subject: str = ""
    is_loud: bool = False


Fetch = Callable[[Hashable | None, int], Sequence[ListRow]]
"""Returns at most so many rows that follow the one with this key, None meaning the first."""


class PagedList(Static):
    """Shows the rows of `fetch`, a page at a time; never has the focus: its screen moves the mark."""

    DEFAULT_CSS = """
    PagedList { height: 1fr; min-height: 3; padding: 0 1; text-wrap: nowrap; text-overflow: clip; }
    PagedList.-empty { text-wrap: wrap; }
    """

    class Opened(Message):
        """The mouse was pressed on the marked row."""

    def __init__(self, columns: Sequence[Column], fetch: Fetch, empty: str) -> None:
        super().__init__(markup=False, id="list")
        self._columns = columns
        self._fetch = fetch
        self._empty = empty
        self._starts: list[Hashable | None] = [None]
        self._rows: list[ListRow] = []
        self._has_more = False
        self._at = self._top = 0
        self._unmasked: set[Hashable] = set()

    @property
    def marked(self) -> ListRow | None:
        """The row that is marked; None in an empty list."""
        return self._rows[self._at] if self._rows else None

    def restart(self) -> None:
        """Show the first page of what there is now; names are hidden again."""
        self._starts = [None]
        self._unmasked.clear()
        self._at = self._top = 0
        self._read()

    def reload(self) -> None:
        """Read the page again; the mark stays on its row as long as that is there."""
        before = self.marked
        self._read()
        if before is not None:
            self._at = next((n for n, row in enumerate(self._rows) if row.key == before.key), self._at)
            self._paint()

    def mark(self, key: Hashable) -> None:
        """Mark the row of that key, if it is on this page."""
        self._at = next((n for n, row in enumerate(self._rows) if row.key == key), self._at)
        self._paint()

    def unmask(self) -> None:
        """Show the names of the marked row whole, as long as this list is looked at."""
        if self.marked:
            self._unmasked.add(self.marked.key)
            self._paint()

    def move(self, steps: int) -> None:
        """Mark the row so many further, on the next or the last page where this one ends."""
        at = self._at + steps
        if at >= len(self._rows) and self._has_more:
            self._starts.append(self._rows[-1].key)
            self._at = self._top = 0
            self._read()
        elif at < 0 and len(self._starts) > 1:
            self._starts.pop()
            self._at = PAGE_ROWS
            self._read()
        else:
            self._at = at
            self._paint()

    def move_page(self, pages: int) -> None:
        """Mark the row so many screenfuls further."""
        self.move(pages * max(1, self._height() - 1))

    def on_resize(self, _event: events.Resize) -> None:
        """Show as much as fits now."""
        self._paint()

    def on_click(self, event: events.Click) -> None:
        """Mark the row under the mouse; pressed on the marked one, open it."""
        place = event.get_content_offset(self)
        if place is None or not 0 < place.y <= len(self._rows) - self._top:
            return
        chosen = self._top + place.y - 1
        if chosen == self._at:
            self.post_message(self.Opened())
        self._at = chosen
        self._paint()

    def on_mouse_scroll_down(self) -> None:
        """Mark the next row."""
        self.move(1)

    def on_mouse_scroll_up(self) -> None:
        """Mark the row before."""
        self.move(-1)

    def _read(self) -> None:
        rows = list(self._fetch(self._starts[-1], PAGE_ROWS + 1))
        self._rows, self._has_more = rows[:PAGE_ROWS], len(rows) > PAGE_ROWS
        if not rows and len(self._starts) > 1:
            # All rows of this page are gone.
            self._starts.pop()
            self._read()
            return
        self._paint()

    def _height(self) -> int:
        return max(1, self.content_size.height - 1)

    def _paint(self) -> None:
        self._at = max(0, min(self._at, len(self._rows) - 1))
        height = self._height()
        self._top = max(0, min(self._top, self._at, len(self._rows) - height), self._at - height + 1)
        self.set_class(not self._rows, "-empty")
        if not self._rows:
            self.update(Content(self._empty))
            return
        widths = self._widths()
        head = _GAP.join(column(one.heading, cells) for one, cells in zip(self._columns, widths, strict=False))
        lines = [Content.styled(" " * _MARK_CELLS + head, "bold")]
        for number, row in enumerate(self._rows[self._top : self._top + height], self._top):
            lines.append(self._line(row, widths, is_marked=number == self._at))
        self.update(Content("\n").join(lines))

    def _line(self, row: ListRow, widths: list[int], *, is_marked: bool) -> Content:
        cells = []
        for one, cell, width in zip(self._columns, row.cells, widths, strict=False):
            text = mask_name(cell) if one.is_name and row.subject and row.key not in self._unmasked else cell
            cells.append(column(plain(text, 200), width))
        mark = (">" if is_marked else "") + ("!" if row.is_loud else "")
        style = "bold reverse" if is_marked else "bold $text-warning" if row.is_loud else ""
        return Content.styled(f"{mark:<{_MARK_CELLS}}{_GAP.join(cells)}", style)

    def _widths(self) -> list[int]:
        """Return the widths of as many columns as fit, from the left."""
        room = self.content_size.width - _MARK_CELLS
        widths: list[int] = []
        for one in self._columns:
            needed = sum(widths) + len(_GAP) * len(widths) + (one.cells or _LEAST_CELLS)
            if widths and needed > room:
                break
            widths.append(one.cells or _LEAST_CELLS)
        left = room - sum(widths) - len(_GAP) * (len(widths) - 1)
        free = next((n for n, one in enumerate(self._columns[: len(widths)]) if not one.cells), len(widths) - 1)
        widths[free] = max(1, widths[free] + left)
        return widths
