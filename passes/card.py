"""One pass as a card: CR80 (ISO/IEC 7810 ID-1), 95 × 66 mm or 120 × 80 mm; as a picture or as a PDF of that size.

Nothing is printed within 2 mm of the edge, so that a cut that goes astray by one harms nothing. All measures are
millimetres from the upper left corner.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from passes.code import code_of
from passes.errors import N_, UsageError
from passes.paper import BLACK, GREY, WHITE, Ink, Paper, Picture, write_whole
from passes.plaintext import plain
from passes.printed import Colour, PrintedPass, missing_characters, shown
from passes.typesetting import Box, set_in

if TYPE_CHECKING:
    from PIL import Image

DPI = 300

_BANDS: dict[Colour, tuple[Ink, Ink]] = {
    "none": (WHITE, BLACK),
    "white": (WHITE, BLACK),
    "yellow": ((255, 212, 0), BLACK),
    "blue": ((11, 78, 162), WHITE),
    "green": ((10, 122, 60), WHITE),
    "red": ((193, 18, 31), WHITE),
}
_FRAME = 0.35
_RULE = 0.2


@dataclass(frozen=True, slots=True)
class CardSize:
    """A size of card and the place of everything on its front; squares are (x, y, side).

    `code` includes the quiet zone. Notes stand on the front where it has a place for them, else on the back.
    """

    width: float
    height: float
    margin: float
    band: tuple[float, float, float, float]
    community: Box
    kind: Box
    holder: Box
    address: Box
    valid_label: Box
    days: Box
    seal: tuple[float, float, float]
    code: tuple[float, float, float]
    number: Box
    notes: Box | None = None


CR80 = CardSize(
    width=85.6,
    height=54,
    margin=3,
    band=(3, 3, 79.6, 9),
    community=Box(4.8, 3.6, 44, 7.8, 4),
    kind=Box(50, 3.2, 30.8, 8.6, 5.4, "right", bold=True),
    holder=Box(3, 13.4, 44, 9, 6.8, bold=True),
    address=Box(3, 22.8, 44, 9, 3.5, stands="top"),
    valid_label=Box(3, 36.4, 24, 3.4, 2.5),
    days=Box(3, 39.8, 24, 11, 3.5, stands="top"),
    seal=(28.2, 33, 18),
    code=(48, 11.6, 37),
    number=Box(50.4, 47.5, 32.2, 4.4, 3.5, "middle", bold=True),
)
CARD_95X66 = CardSize(
    width=95,
    height=66,
    margin=3.5,
    band=(3.5, 3.5, 88, 10.5),
    community=Box(5.5, 4.2, 49, 9.1, 4.6),
    kind=Box(56, 3.7, 33.5, 10.1, 6.4, "right", bold=True),
    holder=Box(3.5, 15.8, 45, 11, 8, bold=True),
    address=Box(3.5, 27.2, 45, 11, 4.2, stands="top"),
    valid_label=Box(3.5, 44.6, 22, 4, 2.8),
    days=Box(3.5, 48.6, 22, 12, 3.6, stands="top"),
    seal=(26.5, 40.3, 22),
    code=(49, 14.8, 45),
    number=Box(51.5, 58.4, 40, 5.4, 4.3, "middle", bold=True),
)
CARD_120X80 = CardSize(
    width=120,
    height=80,
    margin=4,
    band=(4, 4, 112, 12.5),
    community=Box(6.5, 4.8, 64, 10.9, 5.6),
    kind=Box(72, 4.2, 41.5, 12.1, 7.6, "right", bold=True),
    holder=Box(4, 18.4, 70, 12, 9.5, bold=True),
    address=Box(4, 31, 70, 10.5, 5, stands="top"),
    valid_label=Box(4, 45.6, 44, 4.4, 3.2),
    days=Box(4, 50, 44, 13, 4.8, stands="top"),
    seal=(50, 41.4, 23.5),
    code=(76.7, 17, 42),
    number=Box(79.4, 58.6, 36.6, 6.2, 5, "middle", bold=True),
    notes=Box(4, 67.2, 112, 9.6, 2.6, stands="top"),
)


def draw_card(printed: PrintedPass, size: CardSize = CR80) -> "Image.Image":
    """Return the card's front as an RGB picture at 300 dots an inch; CR80 has 1011 × 638 of them.

    Raises UsageError when the token is none that a code can carry.
    """
    return _picture(printed, size, "front").image


def draw_back(printed: PrintedPass, size: CardSize = CR80) -> "Image.Image":
    """Return the card's back, with the notes, as a picture like the front."""
    return _picture(printed, size, "back").image


def save_card(
    path: Path, printed: PrintedPass, size: CardSize = CR80, side: Literal["front", "back"] = "front"
) -> tuple[str, ...]:
    """Write the card at its true size and return the characters that were drawn as 〓.

    The path's suffix says how: `.png` holds the named side, `.pdf` both sides, or the front alone when it shows all.
    Raises UsageError for another suffix, a token that no code can carry, or a file that cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        content = _picture(printed, size, side).png()
    elif suffix == ".pdf":
        content = _pdf(printed, size)
    else:
        raise UsageError(N_("{path}: a card is written as .png or .pdf; choose one of them."), path=plain(str(path)))
    write_whole(path, content)
    return missing_characters([printed])


def put_front(paper: Paper, printed: PrintedPass, size: CardSize) -> None:
    """Draw the front of the card at the paper's origin; raises UsageError as `draw_card` does."""
    fill, ink = _BANDS[printed.colour]
    paper.rectangle(*size.band, BLACK if fill == WHITE else fill)
    if fill == WHITE:
        x, y, width, height = size.band
        paper.rectangle(x + _FRAME, y + _FRAME, width - 2 * _FRAME, height - 2 * _FRAME, WHITE)
    paper.dashed_ring(*size.seal, GREY)
    x, y, side = size.seal
    _put(paper, size.community, printed.community_name, ink=ink)
    _put(paper, size.kind, printed.kind_label, ink=ink)
    # Without a name, the address is what people look for first.
    _put(paper, size.holder, printed.holder or printed.address)
    _put(paper, size.address, printed.address if printed.holder else "")
    _put(paper, size.valid_label, printed.valid_label, ink=GREY)
    _put(paper, size.days, printed.days)
    _put(paper, Box(x + side * 0.15, y, side * 0.7, side, side / 7, "middle"), printed.seal_label, ink=GREY)
    _put(paper, size.number, printed.number)
    if size.notes and printed.notes:
        paper.rectangle(size.notes.x, size.notes.y - 0.8, size.notes.width, _RULE, GREY)
        _put(paper, size.notes, *printed.numbered_notes)
    _put_code(paper, printed.token, size.code)


def put_back(paper: Paper, printed: PrintedPass, size: CardSize) -> None:
    """Draw the back of the card, its notes between the community's name and the number, at the paper's origin."""
    x, width, line = size.margin, size.width - 2 * size.margin, size.height / 11
    bottom = size.height - size.margin - line
    _put(paper, Box(x, size.margin, width, line, line * 0.7, bold=True), printed.community_name)
    _put(paper, Box(x, bottom, width, line, line * 0.6, "right"), printed.number, ink=GREY)
    for y in (size.margin + line + 0.5, bottom - 0.5):
        paper.rectangle(x, y, width, _RULE, GREY)
    top = size.margin + line + 2
    notes = Box(x, top, width, bottom - 1.5 - top, line * 0.6, stands="top")
    _put(paper, notes, *printed.numbered_notes)


def _put(paper: Paper, box: Box, *texts: str, ink: Ink = BLACK) -> None:
    for line in set_in(box, [shown(text) for text in texts]):
        paper.line(line, ink, bold=box.bold)


def _put_code(paper: Paper, token: str, square: tuple[float, float, float]) -> None:
    code, (x, y, side) = code_of(token), square
    module = int(side / code.side / paper.dot) * paper.dot
    inset = (side - module * code.side) / 2
    paper.code(x + inset, y + inset, module, code)


def _picture(printed: PrintedPass, size: CardSize, side: Literal["front", "back"]) -> Picture:
    paper = Picture(size.width, size.height, DPI)
    put = put_front if side == "front" else put_back
    put(paper, printed, size)
    return paper


def _pdf(printed: PrintedPass, size: CardSize) -> bytes:
    from passes.pdf import Pages

    needs_back = bool(printed.notes) and size.notes is None
    with Pages(size.width, size.height, duplex=needs_back) as pages:
        pages.new_page()
        put_front(pages, printed, size)
        if needs_back:
            pages.new_page()
            put_back(pages, printed, size)
        return pages.finished()
