"""Whether texts have room for all of themselves."""

from itertools import zip_longest
from typing import Any

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from station.widgets.lines import PassageList
from station.widgets.paged_list import PagedList
from tests.screens.console import text_of


def cut(screen: Screen[Any]) -> list[str]:
    """Return the texts of which a part is not to be seen, and the headings of lists that are cut or left out.

    Records themselves may be longer than their column; they are shown whole where they are opened.
    """
    found = []
    for widget in screen.query(Static):
        size, text = widget.content_size, text_of(widget)
        if isinstance(widget, PagedList):
            found += _headings(widget)
        elif size.width and size.height and not isinstance(widget, PassageList):
            lines = [Content(line) for line in text.splitlines()]
            is_one_line = str(widget.styles.text_wrap) == "nowrap"
            rows = len(lines) if is_one_line else sum(len(line.wrap(size.width)) for line in lines)
            if rows > size.height or (is_one_line and any(line.cell_length > size.width for line in lines)):
                found.append(text)
    return found


def _headings(rows: PagedList) -> list[str]:
    pairs = zip_longest(rows._columns, rows._widths(), fillvalue=0)
    return [
        column.heading
        for column, cells in pairs
        if not isinstance(column, int) and Content(column.heading).cell_length > cells
    ]
