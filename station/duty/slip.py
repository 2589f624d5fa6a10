"""The hand-over on paper (交接班记录表): the same lines as an A4 page and as a strip of thermal paper.

Importing this module loads neither fpdf2 nor Pillow; they are imported where something is drawn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

from passes.paper import BLACK, MM_PER_INCH
from passes.printed import shown
from passes.typesetting import LINE_HEIGHT, Box, set_in
from station.clock import local_time
from station.duty.outstanding import WORDS
from station.i18n import _
from station.shifts import ShiftLine

if TYPE_CHECKING:
    from PIL import Image

    from passes.paper import Paper

_MARGIN, _GAP = 15.0, 1.2
_LONGEST_STRIP = 2000.0


class _Words(NamedTuple):
    text: str
    letters: float = 4.0
    bold: bool = False
    before: float = 0.0


def words_of(shift: ShiftLine, station_name: str, zone: ZoneInfo) -> list[_Words]:
    """Return what stands on the form of a shift that was handed over, line by line, in the user's language."""
    over, opened = shift.handed_over, shift.opened
    assert over is not None  # noqa: S101 - the caller has looked

    def at(at_ms: int | None) -> str:
        return "-" if at_ms is None else f"{local_time(at_ms, zone):%Y-%m-%d %H:%M}"

    signed = {"pin": _("signed by PIN"), "name": _("signed by name")}
    counted = (
        _("Persons: in {entries}, out {exits}"),
        _("Vehicles: in {vehicle_entries}, out {vehicle_exits}"),
        _("Refused {refused}, turned back {turned_back}, fevers {fevers}"),
    )
    counts = dict.fromkeys(("vehicle_entries", "vehicle_exits"), 0) | over.counts
    lines = [
        _Words(_("Hand-over of a shift"), 6.0, bold=True),
        _Words(station_name, 4.6),
        _Words(f"{at(shift.opened_ms)} - {at(shift.handed_over_ms)}"),
        _Words(_("On duty: {guards}   Lead: {lead}").format(guards=", ".join(opened.guards), lead=opened.lead or "-")),
    ]
    if shift.late_ms:
        late = _("Begun {minutes} min late {reason}")
        lines.append(_Words(late.format(minutes=shift.late_ms // 60_000, reason=opened.late_reason)))
    if shift.gap_ms:
        lines.append(_Words(_("Nobody was on post for {minutes} min before").format(minutes=shift.gap_ms // 60_000)))
    lines += [_Words(text.format(**counts)) for text in counted]
    lines.append(_Words(_("Out of the ordinary: {text}").format(text=over.abnormal or _("nothing")), before=3))
    lines.append(_Words(_("Still to do"), 4.4, bold=True, before=3))
    notes = [f"[ ] {_(WORDS['note'])}: {over.outstanding}"] if over.outstanding else []
    notes += [f"[{'x' if one.closed else ' '}] {_(WORDS.get(one.what, one.what))}: {one.text}" for one in over.matters]
    lines += [_Words(text) for text in notes or [_("nothing")]]
    lines.append(_Words(_("Goods"), 4.4, bold=True, before=3))
    goods = [
        f"{one.item}  {one.counted:g} {one.unit}" + (f"  ({one.expected:g}: {one.why})" if one.why else "")
        for one in over.goods
    ]
    lines += [_Words(text) for text in goods or [_("none")]]
    for title, name, how in (
        (_("Outgoing"), over.outgoing, over.outgoing_signed),
        (_("Incoming"), over.incoming, over.incoming_signed),
    ):
        lines.append(_Words(f"{title}: {name or '-'}   ({signed[how]})   ______________", before=5))
    return lines


def draw_pdf(lines: Sequence[_Words]) -> bytes:
    """Return the form as A4 pages; the same lines give the same bytes."""
    from passes.pdf import Pages
    from passes.sheet import A4_HEIGHT, A4_WIDTH

    with Pages(A4_WIDTH, A4_HEIGHT) as pages:
        pages.new_page()
        y = _MARGIN
        for line in lines:
            height = _height(line, A4_WIDTH - 2 * _MARGIN)
            if y + line.before + height > A4_HEIGHT - _MARGIN:
                pages.new_page()
                y = _MARGIN
            _put(pages, line, _MARGIN, y + line.before, A4_WIDTH - 2 * _MARGIN)
            y += line.before + height
        return pages.finished()


def draw_strip(lines: Sequence[_Words], width_mm: Literal[58, 80] = 58) -> "Image.Image":
    """Return the form as a picture in black and white for a thermal printer of that width."""
    from passes.paper import Picture
    from passes.strip import DPI, WIDTH_DOTS

    width = WIDTH_DOTS[width_mm] * MM_PER_INCH / DPI
    heights = [line.before + _height(line, width) for line in lines]
    paper = Picture(width, min(sum(heights) + _GAP, _LONGEST_STRIP), DPI, "1")
    y = 0.0
    for line, height in zip(lines, heights, strict=True):
        _put(paper, line, 0, y + line.before, width)
        y += height
    return paper.image


def _box(line: _Words, x: float, y: float, width: float) -> Box:
    # More lines than anything here has: what is written is broken, never made smaller.
    return Box(x, y, width, line.letters * LINE_HEIGHT * 40, line.letters, "left", "top", line.letters, line.bold)


def _height(line: _Words, width: float) -> float:
    return len(set_in(_box(line, 0, 0, width), [shown(line.text)])) * line.letters * LINE_HEIGHT + _GAP


def _put(paper: "Paper", line: _Words, x: float, y: float, width: float) -> None:
    for placed in set_in(_box(line, x, y, width), [shown(line.text)]):
        paper.line(placed, BLACK, bold=line.bold)
