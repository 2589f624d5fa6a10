import dataclasses
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image, ImageChops, ImageFilter

from passes.card import DPI, HEIGHT, WIDTH, Card, Colour, draw_card, missing_characters, save_card_png
from passes.errors import UsageError
from passes.keys import IssuingKey
from passes.number import number_of
from passes.token import MAX_TOKEN_CHARS, PassClaims, issue_token

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
PASS_ID = bytes(range(16))
TOKEN = issue_token(
    PassClaims(PASS_ID, "110105001002", "resident", FIRST, LAST, "云小溪水", "3栋2单元501室"),
    IssuingKey(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")),
)
CARD = Card(
    token=TOKEN,
    number=number_of(PASS_ID),
    holder="云小溪水",
    kind_label="居民",
    address="3栋2单元501室",
    valid_from=FIRST,
    valid_until=LAST,
    community_name="云上里社区",
    colour="green",
    valid_label="有效期",
    seal_label="盖章处",
)
BLANK = dataclasses.replace(CARD, holder="", kind_label="", address="", community_name="", number="", seal_label="")


def scanned(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image)]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    path = tmp_path_factory.mktemp("card") / "card.png"
    assert save_card_png(path, CARD) == ()
    with Image.open(path) as image:
        image.load()
    return image


def test_the_card_has_the_true_size(picture: Image.Image) -> None:
    assert picture.size == (WIDTH, HEIGHT)
    assert picture.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
    assert [side / DPI * 25.4 for side in picture.size] == pytest.approx([85.6, 54], abs=0.05)


def test_the_code_is_read_from_the_file(picture: Image.Image) -> None:
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.text == TOKEN
    assert found.ec_level == "M"


@pytest.mark.parametrize("degrees", [3, 45, 90, 180, 200, 270])
def test_the_code_is_read_when_the_card_is_turned(picture: Image.Image, degrees: int) -> None:
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    assert scanned(turned) == [TOKEN]


def test_the_code_is_read_from_a_poor_picture(picture: Image.Image) -> None:
    assert scanned(picture.filter(ImageFilter.GaussianBlur(2.5))) == [TOKEN]
    assert scanned(picture.resize((WIDTH // 2, HEIGHT // 2))) == [TOKEN]
    assert scanned(picture.convert("1")) == [TOKEN]


def test_the_code_has_whole_pixels_and_its_quiet_zone(picture: Image.Image) -> None:
    (found,) = zxingcpp.read_barcodes(picture)
    left, top = found.position.top_left.x, found.position.top_left.y
    size = found.position.bottom_right.x - left + 1
    # Version 9 has 53 modules; 53 and two quiet zones of 4 go 8 times into the room beside the text.
    assert size in range(53 * 8 - 2, 53 * 8 + 3)
    code = picture.crop((left, top, left + 53 * 8, top + 53 * 8)).convert("L")
    small = code.resize((53, 53), Image.Resampling.NEAREST)
    assert ImageChops.difference(code, small.resize(code.size, Image.Resampling.NEAREST)).getbbox() is None
    around = picture.convert("L").crop((left - 32, top - 32, left + 53 * 8 + 32, top + 53 * 8 + 32))
    around.paste(255, (32, 32, 32 + 53 * 8, 32 + 53 * 8))
    assert around.getextrema() == (255, 255)


def test_the_longest_token_is_still_read() -> None:
    token = "GP1" + "A2" * ((MAX_TOKEN_CHARS - 3) // 2)
    assert scanned(draw_card(dataclasses.replace(CARD, token=token))) == [token]


@pytest.mark.parametrize("token", ["", "gp1abc", "GP1\x1b[2J", "通行证", "GP1" + "A" * MAX_TOKEN_CHARS])
def test_what_is_no_token_is_not_drawn(token: str) -> None:
    with pytest.raises(UsageError, match="not one that a code can carry") as caught:
        draw_card(dataclasses.replace(CARD, token=token))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("colour", get_args(Colour))
def test_every_colour_has_a_band_on_which_the_label_stands_out(colour: Colour) -> None:
    card = dataclasses.replace(CARD, colour=colour)
    band = (0, 0, WIDTH, 90)
    with_label, without = (draw_card(one).crop(band) for one in (card, dataclasses.replace(card, kind_label="")))
    fill = without.getpixel((WIDTH - 1, 0))
    assert (fill == (255, 255, 255)) == (colour in ("none", "white"))
    contrast = ImageChops.difference(with_label, without).convert("L")
    assert contrast.getbbox() is not None
    assert sum(contrast.histogram()[100:]) > 500


PLACES = {
    "community_name": (36, 10, 596, 82),
    "kind_label": (620, 8, 975, 84),
    "holder": (36, 106, 488, 210),
    "address": (36, 214, 488, 302),
    "number": (505, 582, 999, 636),
    "seal_label": (152, 396, 372, 616),
}
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
}


@pytest.mark.parametrize("field", PLACES)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_text_never_leaves_its_place(field: str, text: str) -> None:
    values: dict[str, Any] = {field: text}
    drawn = ImageChops.difference(draw_card(dataclasses.replace(BLANK, **values)), EMPTY).getbbox()
    left, top, right, bottom = PLACES[field]
    assert drawn is not None
    assert drawn[0] >= left - 3
    assert drawn[1] >= top - 3
    assert drawn[2] <= right + 3
    assert drawn[3] <= bottom + 3


EMPTY = draw_card(BLANK)


def test_a_usual_name_is_written_large() -> None:
    drawn = ImageChops.difference(draw_card(dataclasses.replace(BLANK, holder="云小溪水")), EMPTY).getbbox()
    assert drawn is not None
    assert drawn[2] - drawn[0] > 280
    assert drawn[3] - drawn[1] > 60


def test_a_long_name_is_shown_to_its_end() -> None:
    name = "某" * 31
    whole, cut = (draw_card(dataclasses.replace(BLANK, holder=holder)) for holder in (name + "云", name + "水"))
    assert ImageChops.difference(whole, cut).getbbox() is not None


def test_a_character_that_the_font_lacks_is_shown_as_geta_and_told(tmp_path: Path) -> None:
    rare = dataclasses.replace(CARD, holder="云𠮷😀𠮷", address="ᠮ座")
    assert missing_characters(rare) == ("𠮷", "😀", "ᠮ")
    assert save_card_png(tmp_path / "rare.png", rare) == ("𠮷", "😀", "ᠮ")
    geta = dataclasses.replace(CARD, holder="云〓〓〓", address="〓座")
    assert ImageChops.difference(draw_card(rare), draw_card(geta)).getbbox() is None
    assert missing_characters(dataclasses.replace(CARD, holder="㛃䶮龘ёü—…〓□ \u3000")) == ()


def test_harmful_text_is_drawn_harmless() -> None:
    card = dataclasses.replace(CARD, holder="\x1b[2J\u202e云\n[/]")
    shown = dataclasses.replace(CARD, holder="〓[2J〓云〓[/]")
    assert ImageChops.difference(draw_card(card), draw_card(shown)).getbbox() is None
    assert missing_characters(card) == ("\ufffd",)


def test_a_picture_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"picture .*card\.png cannot be written \(No such file"):
        save_card_png(tmp_path / "none" / "card.png", CARD)


def test_drawing_libraries_are_loaded_only_to_draw() -> None:
    code = "import sys, passes.card; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"PIL", "qrcode", "pylopdf_fonts_zh_cn"} & set(run.stdout.split())
    assert re.search(r"\bpasses\b", run.stdout)
