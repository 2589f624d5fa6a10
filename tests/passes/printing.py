"""What the tests of printed passes share: a pass, and eyes to look at pictures and PDF files."""

import dataclasses
import hashlib
from datetime import date
from pathlib import Path

import pypdfium2
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from passes.keys import IssuingKey
from passes.number import number_of
from passes.printed import PrintedPass
from passes.token import PassClaims, issue_token

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
NOTES = ("限本人使用，不得转借。", "进出请出示本证并配合测量体温。")
MM_PER_INCH = 25.4
_KEY = IssuingKey(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))


def printed(place: int = 0, holder: str = "云小溪水", address: str = "3栋2单元501室") -> PrintedPass:
    """Return a pass as it is printed; another `place` gives another one."""
    pass_id = hashlib.sha256(bytes([place])).digest()[:16]
    claims = PassClaims(pass_id, "110105001002", "resident", FIRST, LAST, "云小溪水", "3栋2单元501室")
    return PrintedPass(
        token=issue_token(claims, _KEY),
        number=number_of(pass_id),
        holder=holder,
        kind_label="居民",
        address=address,
        valid_from=FIRST,
        valid_until=LAST,
        community_name="云上里社区",
        colour="green",
        notes=NOTES,
        valid_label="有效期",
        seal_label="盖章处",
    )


PRINTED = printed()
BLANK = dataclasses.replace(
    PRINTED, holder="", kind_label="", address="", community_name="", number="", seal_label="", notes=()
)

LONG = {
    "short": "云",
    "name": "阿示例·某某江·试验长名",
    "western": "Aexample Bexample-Cexample Dexample",
    "wide": "Ｗ" * 200,
    "endless word": "W" * 500,
    "widest": "⸻" * 200,
    "tall": "Ǻ̂gjÇ" * 40,
    "spaces": "a " * 300,
    "mixed": "云W" * 60,
    "brackets": "（" * 120 + "）" * 120,
}


def scanned(image: Image.Image) -> list[str]:
    """Return the texts of all codes in the picture, sorted."""
    return sorted(found.text for found in zxingcpp.read_barcodes(image.convert("L")))


def pages_of(path: Path, dpi: float) -> list[Image.Image]:
    """Return the pages of a PDF file as a printer of so many dots an inch sees them."""
    with pypdfium2.PdfDocument(path) as document:
        return [page.render(scale=dpi / 72).to_pil() for page in document]


def part_of(image: Image.Image, dpi: float, edges: tuple[float, float, float, float]) -> Image.Image:
    """Return the part of the picture between the left, upper, right and lower edge, given in mm, in grey."""
    left, upper, right, lower = (round(edge / MM_PER_INCH * dpi) for edge in edges)
    return image.convert("L").crop((left, upper, right, lower))


def texts_of(path: Path) -> list[str]:
    """Return what can be selected on each page."""
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def place_of(path: Path, page: int, text: str) -> tuple[float, float]:
    """Return the middle of the first place of the text on the page, in mm from its upper left corner."""
    with pypdfium2.PdfDocument(path) as document:
        sheet = document[page]
        height = sheet.get_height()
        textpage = sheet.get_textpage()
        found = textpage.search(text).get_next()
        assert found is not None, text
        boxes = [textpage.get_charbox(found[0] + step) for step in range(found[1])]
    left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
    points = 72 / MM_PER_INCH
    return (left + right) / 2 / points, (height - (bottom + top) / 2) / points
