import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageFilter

from passes.card import CARD_95X66, CARD_120X80, CR80, DPI, CardSize, draw_back, draw_card, save_card
from passes.errors import UsageError
from passes.printed import Colour
from passes.token import MAX_TOKEN_CHARS
from tests.passes.printing import BLANK, LONG, MM_PER_INCH, PRINTED, pages_of, scanned, texts_of

SIZES = pytest.mark.parametrize(
    "size", [CR80, CARD_95X66, CARD_120X80], ids=lambda size: f"{size.width:g}x{size.height:g}"
)
LONGEST = dataclasses.replace(PRINTED, token="GP1" + "A2" * ((MAX_TOKEN_CHARS - 3) // 2))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    path = tmp_path_factory.mktemp("card") / "card.png"
    assert save_card(path, PRINTED) == ()
    with Image.open(path) as image:
        image.load()
    return image


def dots(millimetres: float) -> int:
    return round(millimetres / MM_PER_INCH * DPI)


@SIZES
def test_a_card_has_its_true_size_as_a_picture_and_as_a_pdf(size: CardSize, tmp_path: Path) -> None:
    save_card(tmp_path / "card.png", PRINTED, size)
    save_card(tmp_path / "card.pdf", PRINTED, size)
    with Image.open(tmp_path / "card.png") as image:
        assert image.size == (dots(size.width), dots(size.height))
        assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
    with pypdfium2.PdfDocument(tmp_path / "card.pdf") as document:
        points = document[0].get_size()
    assert [side / 72 * MM_PER_INCH for side in points] == pytest.approx([size.width, size.height], abs=0.02)


def test_cr80_is_what_card_printers_expect(picture: Image.Image) -> None:
    assert picture.size == (1011, 638)


@SIZES
@pytest.mark.parametrize("dpi", [150, 203, 300])
def test_the_code_is_read_at_every_resolution(size: CardSize, dpi: int, tmp_path: Path) -> None:
    save_card(tmp_path / "card.pdf", PRINTED, size)
    front = draw_card(PRINTED, size)
    coarse = front.resize((front.width * dpi // DPI, front.height * dpi // DPI), Image.Resampling.BICUBIC)
    for seen in (coarse, pages_of(tmp_path / "card.pdf", dpi)[0]):
        assert scanned(seen) == [PRINTED.token]
        assert scanned(seen.filter(ImageFilter.GaussianBlur(0.8 * dpi / 150))) == [PRINTED.token]
        assert scanned(seen.rotate(17, Image.Resampling.BICUBIC, expand=True, fillcolor="white")) == [PRINTED.token]


@pytest.mark.parametrize("degrees", [3, 45, 90, 180, 200, 270])
def test_the_code_is_read_when_the_card_is_turned(picture: Image.Image, degrees: int) -> None:
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    assert scanned(turned) == [PRINTED.token]


def test_the_code_is_read_from_a_poor_picture(picture: Image.Image) -> None:
    assert scanned(picture.filter(ImageFilter.GaussianBlur(2.5))) == [PRINTED.token]
    assert scanned(picture.convert("1")) == [PRINTED.token]


def test_the_code_has_whole_pixels_and_its_quiet_zone(picture: Image.Image) -> None:
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.ec_level == "M"
    left, top = found.position.top_left.x, found.position.top_left.y
    # Version 9 has 53 modules; with two quiet zones of 4 they go 7 times into 37 mm at 300 dots an inch.
    size = 53 * 7
    assert found.position.bottom_right.x - left + 1 in range(size - 2, size + 3)
    code = picture.crop((left, top, left + size, top + size)).convert("L")
    small = code.resize((53, 53), Image.Resampling.NEAREST)
    assert ImageChops.difference(code, small.resize(code.size, Image.Resampling.NEAREST)).getbbox() is None
    around = picture.convert("L").crop((left - 28, top - 28, left + size + 28, top + size + 28))
    around.paste(255, (28, 28, 28 + size, 28 + size))
    assert around.getextrema() == (255, 255)


@SIZES
def test_the_longest_token_has_modules_that_scanners_see(size: CardSize) -> None:
    picture = draw_card(LONGEST, size)
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.text == LONGEST.token
    width = found.position.top_right.x - found.position.top_left.x + 1
    assert width / 81 / DPI * MM_PER_INCH >= 0.33  # 81 modules: version 16


@pytest.mark.parametrize("token", ["", "gp1abc", "GP1\x1b[2J", "通行证", "GP1" + "A" * MAX_TOKEN_CHARS])
def test_what_is_no_token_is_not_drawn(token: str) -> None:
    with pytest.raises(UsageError, match="not one that a code can carry") as caught:
        draw_card(dataclasses.replace(PRINTED, token=token))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("colour", get_args(Colour))
def test_every_colour_has_a_band_on_which_the_label_stands_out(colour: Colour) -> None:
    card = dataclasses.replace(PRINTED, colour=colour)
    x, y, width, height = map(dots, CR80.band)
    inside = (x + 6, y + 6, x + width - 6, y + height - 6)
    with_label, without = (draw_card(one).crop(inside) for one in (card, dataclasses.replace(card, kind_label="")))
    fill = without.getpixel((without.width - 1, 0))
    assert (fill == (255, 255, 255)) == (colour in ("none", "white"))
    contrast = ImageChops.difference(with_label, without).convert("L")
    assert contrast.getbbox() is not None
    assert sum(contrast.histogram()[100:]) > 500


@pytest.mark.parametrize("field", ["community_name", "kind_label", "holder", "address", "number"])
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_text_never_leaves_its_place(field: str, text: str) -> None:
    box = getattr(CR80, {"community_name": "community", "kind_label": "kind"}.get(field, field))
    values: dict[str, Any] = {"holder": "" if field == "holder" else "云", field: text}
    bare = dataclasses.replace(BLANK, **{**values, field: ""})
    shown = dataclasses.replace(BLANK, **values)
    drawn = ImageChops.difference(draw_card(shown), draw_card(bare)).getbbox()
    assert drawn is not None
    assert drawn[0] >= dots(box.x) - 4
    assert drawn[1] >= dots(box.y) - 4
    assert drawn[2] <= dots(box.x + box.width) + 4
    assert drawn[3] <= dots(box.y + box.height) + 4


@SIZES
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_the_longest_texts_stay_off_the_edge_the_seal_and_the_code(size: CardSize, text: str) -> None:
    full = dataclasses.replace(PRINTED, holder=text, address=text, community_name=text, number=text, notes=(text,) * 9)
    for image in (draw_card(full, size), draw_back(full, size)):
        ink = ImageChops.invert(image.convert("L"))
        ink.paste(0, (dots(2), dots(2), dots(size.width - 2), dots(size.height - 2)))
        assert ink.getbbox() is None
    assert scanned(draw_card(full, size)) == [PRINTED.token]
    x, y, side = map(dots, size.seal)
    seals = [draw_card(one, size).crop((x, y, x + side, y + side)) for one in (full, PRINTED)]
    assert ImageChops.difference(*seals).getbbox() is None


def test_a_usual_name_is_written_large() -> None:
    empty, named = (draw_card(dataclasses.replace(BLANK, holder=name, address="云")) for name in ("云", "云小溪水"))
    drawn = ImageChops.difference(empty, named).getbbox()
    assert drawn is not None
    assert drawn[2] - drawn[0] > dots(18)
    assert drawn[3] - drawn[1] > dots(5)


def test_a_long_name_is_shown_to_its_end() -> None:
    name = "某" * 31
    whole, cut = (draw_card(dataclasses.replace(BLANK, holder=holder)) for holder in (name + "云", name + "水"))
    assert ImageChops.difference(whole, cut).getbbox() is not None


def test_without_a_name_the_address_takes_its_place() -> None:
    nameless = dataclasses.replace(BLANK, holder="", address="三栋")
    assert (
        ImageChops.difference(draw_card(nameless), draw_card(dataclasses.replace(BLANK, holder="三栋"))).getbbox()
        is None
    )


def test_notes_stand_on_the_front_where_there_is_room_and_else_on_the_back(tmp_path: Path) -> None:
    save_card(tmp_path / "small.pdf", PRINTED, CR80)
    save_card(tmp_path / "large.pdf", PRINTED, CARD_120X80)
    front, back = texts_of(tmp_path / "small.pdf")
    (only,) = texts_of(tmp_path / "large.pdf")
    for note in PRINTED.notes:
        assert note not in front
        assert note in back
        assert note in only
    assert PRINTED.number in back
    save_card(tmp_path / "bare.pdf", dataclasses.replace(PRINTED, notes=()), CR80)
    assert len(texts_of(tmp_path / "bare.pdf")) == 1


def test_the_back_of_a_card_is_a_picture_too(tmp_path: Path) -> None:
    save_card(tmp_path / "back.png", PRINTED, CR80, "back")
    with Image.open(tmp_path / "back.png") as image:
        assert ImageChops.difference(image, draw_back(PRINTED)).getbbox() is None
        assert scanned(image) == []
    without = draw_back(dataclasses.replace(PRINTED, notes=()))
    assert ImageChops.difference(without, draw_back(PRINTED)).getbbox() is not None


def test_what_a_pdf_says_can_be_selected(tmp_path: Path) -> None:
    save_card(tmp_path / "card.pdf", PRINTED)
    (text, _) = texts_of(tmp_path / "card.pdf")
    for part in ("云小溪水", "居民", "3栋2单元501室", "云上里社区", "2026-11-01", "2026-11-30", PRINTED.number):
        assert part in text


def test_harmful_text_is_drawn_harmless(tmp_path: Path) -> None:
    card = dataclasses.replace(PRINTED, holder="\x1b[2J\u202e云\n[/]")
    assert "\ufffd" not in save_card(tmp_path / "card.pdf", card)
    harmless = dataclasses.replace(PRINTED, holder="\ufffd[2J\ufffd云\ufffd[/]")
    assert ImageChops.difference(draw_card(card), draw_card(harmless)).getbbox() is None


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_a_card_that_cannot_be_written_is_told(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"file .*card\{suffix} cannot be written \(No such file"):
        save_card(tmp_path / "none" / f"card{suffix}", PRINTED)


def test_another_form_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"card\.jpg: a card is written as \.png or \.pdf"):
        save_card(tmp_path / "card.jpg", PRINTED)
    assert list(tmp_path.iterdir()) == []


def test_drawing_libraries_are_loaded_only_to_draw() -> None:
    code = "import sys, passes.card, passes.sheet, passes.strip; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"PIL", "qrcode", "fpdf", "fontTools", "pylopdf_fonts_zh_cn"} & set(run.stdout.split())
    assert re.search(r"\bpasses\b", run.stdout)
