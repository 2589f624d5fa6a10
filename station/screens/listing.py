"""What every screen with a list is made of: a field to search by where it has one, the rows, and showing a name."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from station.i18n import _
from station.screens.work import Host, WorkScreen
from station.unmasking import unmask
from station.widgets.paged_list import Column, ListRow, PagedList
from station.widgets.scan_field import PlainInput


class ListScreen(WorkScreen):
    """A list; a subclass gives `columns`, `rows` and what to do with one that is opened.

    `SEARCH` is what may be typed to search by, where anything may; `EMPTY` says what to do first where there is nothing
    yet. Both are marked by `N_`. Put `station.actions.LIST` among the screen's actions.
    """

    SEARCH: ClassVar[str] = ""
    EMPTY: ClassVar[str]

    DEFAULT_CSS = """
    ListScreen > #find { height: 1; margin: 0 1; background: $boost; }
    """

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        # Before the field, which would move its cursor by them.
        keys = {"up": "move(-1)", "down": "move(1)", "pageup": "move_page(-1)", "pagedown": "move_page(1)"}
        for key, name in keys.items():
            self._bindings.key_to_bindings.setdefault(key, []).append(Binding(key, name, show=False, priority=True))

    @property
    def list(self) -> PagedList:
        """The rows."""
        return self.query_one(PagedList)

    @property
    def wanted(self) -> str:
        """What was typed to search by, without the space around it."""
        return self.query_one("#find", PlainInput).value.strip() if self.SEARCH else ""

    def body(self) -> ComposeResult:
        """Lay out the field and the rows."""
        if self.SEARCH:
            yield PlainInput(placeholder=_(self.SEARCH), id="find", compact=True)
        yield PagedList(
            self.columns(), lambda after, limit: self.rows(self.wanted, after, limit), self.worded(self.empty())
        )

    def columns(self) -> Sequence[Column]:
        """Return the columns, with headings in the user's language."""
        raise NotImplementedError

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:
        """Return at most so many rows that follow the one with the key `after`, of those that `wanted` finds."""
        raise NotImplementedError

    def empty(self) -> str:
        """Return what is shown in the place of rows, in the user's language."""
        return _(self.EMPTY)

    def opened(self, row: ListRow) -> None:
        """Do what Enter on a row is for."""

    def show(self) -> None:
        """Read the page again."""
        self.list.reload()

    @on(Input.Changed, "#find")
    def _typed(self) -> None:
        with self.told(quietly=True):
            self.list.restart()

    @on(Input.Submitted, "#find")
    @on(PagedList.Opened)
    def action_open(self) -> None:
        """Open the marked row."""
        row = self.list.marked
        if row is not None:
            with self.told():
                self.opened(row)

    def action_move(self, steps: int) -> None:
        """Mark another row."""
        with self.told(quietly=True):
            self.list.move(steps)

    def action_move_page(self, pages: int) -> None:
        """Mark a row so many screenfuls further."""
        with self.told(quietly=True):
            self.list.move_page(pages)

    def action_unmask(self) -> None:
        """Show the name of the marked row whole; that is recorded."""
        row = self.list.marked
        if row is not None and row.subject:
            with self.told():
                unmask(self.station, row.subject, self.NAME)
                self.list.unmask()
