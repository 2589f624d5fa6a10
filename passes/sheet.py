"""Passes on A4 sheets, to be printed, cut and handed out: eight of 95 × 66 mm or ten of CR80 on a sheet.

Cards touch, so that each cut parts two of them. A sheet's back follows its front; its columns are mirrored, so that
each back lies behind its front when the paper is flipped over its long edge.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from passes.card import CARD_95X66, CR80, CardSize, put_back, put_front
from passes.errors import N_, UsageError
from passes.paper import BLACK, GREY, write_whole
from passes.printed import PrintedPass, missing_characters
from passes.typesetting import Box, set_in

if TYPE_CHECKING:
    from passes.pdf import Pages

A4_WIDTH, A4_HEIGHT = 210.0, 297.0

_MARK_LENGTH, _MARK_GAP, _MARK_WIDTH = 5.0, 2.0, 0.1


class _Grid(NamedTuple):
    size: CardSize
    columns: int
    rows: int

    @property
    def corner(self) -> tuple[float, float]:
        return (A4_WIDTH - self.columns * self.size.width) / 2, (A4_HEIGHT - self.rows * self.size.height) / 2


_GRIDS = {8: _Grid(CARD_95X66, 2, 4), 10: _Grid(CR80, 2, 5)}


def write_sheets(
    path: Path,
    passes: Sequence[PrintedPass],
    per_page: Literal[8, 10] = 10,
    *,
    backs: bool = True,
    on_page: Callable[[int, int], None] | None = None,
) -> tuple[str, ...]:
    """Write the passes in their order as one PDF of A4 sheets; return the characters that were drawn as 〓.

    `backs` adds to each sheet its back with the notes. `on_page` is told after each sheet how many are done, and of how
    many. The file is there whole or not at all, and the same passes give the same bytes. Raises UsageError when there
    is no pass, a token is none that a code can carry, or the file cannot be written.
    """
    from passes.pdf import Pages

    if not passes:
        raise UsageError(N_("There is no pass to print: issue or name one."))
    grid = _GRIDS[per_page]
    sheets = [passes[start : start + per_page] for start in range(0, len(passes), per_page)]
    with Pages(A4_WIDTH, A4_HEIGHT, duplex=backs) as pages:
        for done, sheet in enumerate(sheets, 1):
            for side in ("front", "back") if backs else ("front",):
                pages.new_page()
                _put_marks(pages, grid, f"{done} / {len(sheets)}")
                _put_cards(pages, grid, sheet, side)
            if on_page:
                on_page(done, len(sheets))
        content = pages.finished()
    write_whole(path, content)
    return missing_characters(passes)


def _put_cards(pages: "Pages", grid: _Grid, sheet: Sequence[PrintedPass], side: str) -> None:
    left, top = grid.corner
    for place, printed in enumerate(sheet):
        row, column = divmod(place, grid.columns)
        if side == "back":
            column = grid.columns - 1 - column
        pages.origin = (left + column * grid.size.width, top + row * grid.size.height)
        put = put_front if side == "front" else put_back
        put(pages, printed, grid.size)


def _put_marks(pages: "Pages", grid: _Grid, sheet: str) -> None:
    left, top = grid.corner
    right, bottom = A4_WIDTH - left, A4_HEIGHT - top
    half = _MARK_WIDTH / 2
    for column in range(grid.columns + 1):
        x = left + column * grid.size.width - half
        for y in (top - _MARK_GAP - _MARK_LENGTH, bottom + _MARK_GAP):
            pages.rectangle(x, y, _MARK_WIDTH, _MARK_LENGTH, BLACK)
    for row in range(grid.rows + 1):
        y = top + row * grid.size.height - half
        for x in (left - _MARK_GAP - _MARK_LENGTH, right + _MARK_GAP):
            pages.rectangle(x, y, _MARK_LENGTH, _MARK_WIDTH, BLACK)
    box = Box(left + _MARK_GAP, bottom + _MARK_GAP, grid.size.width - 2 * _MARK_GAP, 4, 2.6)
    for line in set_in(box, [sheet]):
        pages.line(line, GREY)
