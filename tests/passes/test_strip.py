import dataclasses
from typing import Any, Literal

import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageFilter

from passes.errors import UsageError
from passes.strip import DPI, WIDTH_DOTS, draw_strip
from passes.token import MAX_TOKEN_CHARS
from tests.passes.printing import LONG, PRINTED, scanned

WIDTHS = pytest.mark.parametrize("width_mm", [58, 80])


@WIDTHS
def test_a_strip_is_what_the_printer_takes(width_mm: Literal[58, 80]) -> None:
    strip = draw_strip(PRINTED, width_mm)
    assert strip.mode == "1"
    assert strip.width == WIDTH_DOTS[width_mm] == {58: 384, 80: 576}[width_mm]
    assert strip.height < 1600


@WIDTHS
def test_the_code_is_read_also_when_blurred_and_turned(width_mm: Literal[58, 80]) -> None:
    strip = draw_strip(PRINTED, width_mm).convert("L")
    (found,) = zxingcpp.read_barcodes(strip)
    assert (found.text, found.ec_level) == (PRINTED.token, "Q")
    assert scanned(strip.filter(ImageFilter.GaussianBlur(1.5))) == [PRINTED.token]
    assert scanned(strip.resize((strip.width * 150 // 203, strip.height * 150 // 203))) == [PRINTED.token]
    for degrees in (7, 90, 180):
        turned = strip.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
        assert scanned(turned) == [PRINTED.token]


@WIDTHS
@pytest.mark.parametrize("chars", [len(PRINTED.token), MAX_TOKEN_CHARS])
def test_modules_are_whole_dots_with_a_quiet_zone(width_mm: Literal[58, 80], chars: int) -> None:
    token = PRINTED.token if chars == len(PRINTED.token) else "GP1" + "A2" * ((chars - 3) // 2)
    strip = draw_strip(dataclasses.replace(PRINTED, token=token), width_mm).convert("L")
    (found,) = zxingcpp.read_barcodes(strip)
    assert found.text == token
    left, top = found.position.top_left.x, found.position.top_left.y
    side = found.position.top_right.x - left + 1
    # The black of a finder pattern's upper edge is 7 modules long.
    row = strip.crop((left, top + 1, left + side, top + 2)).tobytes()
    dots, rest = divmod(row.index(255), 7)
    assert rest == 0
    assert dots >= 3
    modules = round(side / dots)
    code = strip.crop((left, top, left + modules * dots, top + modules * dots))
    small = code.resize((modules, modules), Image.Resampling.NEAREST)
    assert ImageChops.difference(code, small.resize(code.size, Image.Resampling.NEAREST)).getbbox() is None
    quiet = 4 * dots
    around = strip.crop((left - quiet, top - quiet, left + modules * dots + quiet, top + modules * dots + quiet))
    around.paste(255, (quiet, quiet, quiet + modules * dots, quiet + modules * dots))
    assert around.getextrema() == (255, 255)


def test_everything_that_a_pass_says_is_on_the_strip() -> None:
    whole = draw_strip(PRINTED)
    for field in ("community_name", "kind_label", "holder", "address", "number", "valid_label", "seal_label"):
        empty: dict[str, Any] = {field: ""}
        without = draw_strip(dataclasses.replace(PRINTED, **empty))
        assert without.tobytes() != whole.tobytes(), field
    assert draw_strip(dataclasses.replace(PRINTED, notes=())).height < whole.height


@WIDTHS
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_the_longest_texts_leave_the_code_alone_and_cost_little_paper(width_mm: Literal[58, 80], text: str) -> None:
    full = dataclasses.replace(
        PRINTED, holder=text, address=text, community_name=text, number=text, kind_label=text, notes=(text,) * 9
    )
    strip = draw_strip(full, width_mm)
    assert scanned(strip) == [PRINTED.token]
    assert strip.height / DPI * 25.4 < 300


def test_what_is_no_token_is_not_drawn() -> None:
    with pytest.raises(UsageError, match="not one that a code can carry"):
        draw_strip(dataclasses.replace(PRINTED, token="通行证"))
