"""One pass drawn as a card of the size CR80 (ISO/IEC 7810 ID-1: 85.6 × 54 mm), at 300 dots an inch.

All measures are pixels of 1/300 inch. The QR code carries the token in alphanumeric mode at level M (ISO/IEC 18004)
with the quiet zone of four modules; a module is a whole number of pixels, so that no edge falls between two dots.
"""

import io
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.token import MAX_TOKEN_CHARS

# Both libraries cost more to import than a gate screen to open, and most starts draw no card.
if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, DPI = 1011, 638, 300

Colour = Literal["none", "blue", "green", "red", "white", "yellow"]

_QR_CHARS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
_QUIET_MODULES = 4
_LACKING = "〓"
_NONCHARACTER = "\U0010fffe"
_BLACK, _GREY, _WHITE = "#000000", "#777777", "#ffffff"
_BANDS: dict[Colour, tuple[str, str]] = {
    "none": (_WHITE, _BLACK),
    "white": (_WHITE, _BLACK),
    "yellow": ("#ffd400", _BLACK),
    "blue": ("#0b4ea2", _WHITE),
    "green": ("#0a7a3c", _WHITE),
    "red": ("#c1121f", _WHITE),
}


class _Box(NamedTuple):
    """A place for text: its corner, its size, and the largest letters that may stand in it."""

    x: int
    y: int
    width: int
    height: int
    letters: int
    align: Literal["left", "middle", "right"] = "left"


_BAND_HEIGHT = 92
_COMMUNITY = _Box(36, 10, 560, 72, 46)
_KIND = _Box(620, 8, 355, 76, 58, "right")
_HOLDER = _Box(36, 106, 452, 104, 80)
_ADDRESS = _Box(36, 214, 452, 88, 46)
_VALID_LABEL = _Box(36, 306, 452, 34, 26)
_VALID = _Box(36, 340, 452, 48, 38)
_SEAL = _Box(152, 396, 220, 220, 34, "middle")
_QR = _Box(505, 94, 494, 494, 0)
_NUMBER = _Box(505, 582, 494, 54, 46, "middle")
_SMALLEST_LETTERS = 16


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows; `token` is the signed text form, `number` the pass number, both days are inclusive.

    `kind_label`, `valid_label` and `seal_label` come translated; `colour` is the kind's label colour.
    """

    token: str
    number: str
    holder: str
    kind_label: str
    address: str
    valid_from: date
    valid_until: date
    community_name: str
    colour: Colour = "none"
    valid_label: str = ""
    seal_label: str = ""


def missing_characters(card: Card) -> tuple[str, ...]:
    """Return the characters of the card that its font lacks, each once; they are drawn as 〓."""
    return tuple(dict.fromkeys(char for _, text in _texts(card) for char in plain(text) if _lacks(char)))


def draw_card(card: Card) -> "Image.Image":
    """Return the card's front, 1011 × 638 pixels in colour; `missing_characters` says what it could not show.

    Text shrinks, wraps and in the end is cut with an ellipsis, it never leaves its place. Raises UsageError when the
    token is none that a QR code can carry in alphanumeric mode.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), _WHITE)
    draw = ImageDraw.Draw(image)
    fill, ink = _BANDS[card.colour]
    draw.rectangle((0, 0, WIDTH, _BAND_HEIGHT - 1), fill=fill)
    draw.line((0, _BAND_HEIGHT - 1, WIDTH, _BAND_HEIGHT - 1), fill=_BLACK, width=2)
    _draw_seal_area(draw)
    inks = {_COMMUNITY: ink, _KIND: ink, _SEAL: _GREY, _VALID_LABEL: _GREY}
    for box, text in _texts(card):
        _draw_text(draw, box, plain(text), inks.get(box, _BLACK))
    code = _qr_image(card.token)
    image.paste(code, (_QR.x + (_QR.width - code.width) // 2, _QR.y + (_QR.height - code.height) // 2))
    return image


def save_card_png(path: Path, card: Card) -> tuple[str, ...]:
    """Write the card as a PNG that prints at its true size, and return `missing_characters(card)`.

    Raises UsageError as `draw_card` does, and when the file cannot be written.
    """
    encoded = io.BytesIO()
    draw_card(card).save(encoded, "PNG", dpi=(DPI, DPI), optimize=True)
    try:
        path.write_bytes(encoded.getvalue())
    except OSError as error:
        raise UsageError(
            N_("The picture {path} cannot be written ({why}): choose another file."),
            path=plain(str(path)),
            why=error.strerror or type(error).__name__,
        ) from error
    return missing_characters(card)


def _texts(card: Card) -> tuple[tuple[_Box, str], ...]:
    return (
        (_COMMUNITY, card.community_name),
        (_KIND, card.kind_label),
        (_HOLDER, card.holder),
        (_ADDRESS, card.address),
        (_VALID_LABEL, card.valid_label),
        (_VALID, f"{card.valid_from} – {card.valid_until}"),
        (_SEAL, card.seal_label),
        (_NUMBER, card.number),
    )


def _qr_image(token: str) -> "Image.Image":
    import qrcode.constants
    import qrcode.main
    import qrcode.util
    from PIL import Image

    if not 1 <= len(token) <= MAX_TOKEN_CHARS or not _QR_CHARS.issuperset(token):
        raise UsageError(
            N_("The token “{token}” of the card is not one that a code can carry: issue the pass again."),
            token=plain(token, 24),
        )
    code = qrcode.main.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=_QUIET_MODULES)
    code.add_data(qrcode.util.QRData(token, mode=qrcode.util.MODE_ALPHA_NUM))
    code.make(fit=True)
    matrix = code.get_matrix()
    side = len(matrix)
    modules = Image.frombytes("L", (side, side), bytes(0 if dark else 255 for row in matrix for dark in row))
    pixels = side * (_QR.width // side)
    return modules.resize((pixels, pixels), Image.Resampling.NEAREST)


def _draw_seal_area(draw: "ImageDraw.ImageDraw") -> None:
    around = (_SEAL.x, _SEAL.y, _SEAL.x + _SEAL.width, _SEAL.y + _SEAL.height)
    for angle in range(0, 360, 12):
        draw.arc(around, angle, angle + 6, fill=_GREY, width=2)


def _draw_text(draw: "ImageDraw.ImageDraw", box: _Box, text: str, ink: str) -> None:
    shown = "".join(_LACKING if _lacks(char) else char for char in text).strip()
    lines, letters = _fitted(shown, box)
    font, line_height = _font(letters), _line_height(letters)
    y = box.y + (box.height - line_height * len(lines)) // 2
    for line in lines:
        spare = box.width - font.getlength(line)
        x = box.x + {"left": 0.0, "middle": spare / 2, "right": spare}[box.align]
        # Anchored at the baseline, lines stand alike whatever their letters.
        draw.text((x, y + line_height * 0.8), line, font=font, fill=ink, anchor="ls")
        y += line_height


def _fitted(text: str, box: _Box) -> tuple[list[str], int]:
    for letters in range(box.letters, _SMALLEST_LETTERS - 1, -2):
        lines = _wrapped(text, letters, box.width)
        if len(lines) * _line_height(letters) <= box.height:
            return lines, letters
    lines = lines[: box.height // _line_height(letters)]
    lines[-1] = lines[-1][:-2] + "…"
    return lines, letters


def _wrapped(text: str, letters: int, width: int) -> list[str]:
    font, lines, line = _font(letters), [], ""
    for char in text:
        line += char
        if font.getlength(line) > width and len(line) > 1:
            # A word moves down whole where there is one; Chinese breaks between any two characters.
            head, space, tail = line[:-1].rpartition(" ")
            lines.append(head if space else line[:-1])
            line = tail + char if space else char
    return [*lines, line]


def _line_height(letters: int) -> int:
    return letters * 5 // 4


@cache
def _font(letters: int) -> "ImageFont.FreeTypeFont":
    import pylopdf_fonts_zh_cn
    from PIL import ImageFont

    # The plain layout gives the same picture on every machine; the other one depends on a system library.
    return ImageFont.truetype(pylopdf_fonts_zh_cn.sans_path(), letters, layout_engine=ImageFont.Layout.BASIC)


@cache
def _lacks(char: str) -> bool:
    # The library does not tell which glyphs a font has; a noncharacter surely has none and shows how that looks.
    return _drawn(char) == _drawn(_NONCHARACTER)


def _drawn(char: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(40).getmask(char)
    return mask.size, bytes(mask)
