import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont
from PIL import Image, ImageChops

from passes import fonts
from passes.card import CR80, DPI, draw_card, save_card
from passes.printed import missing_characters
from passes.sheet import write_sheets
from passes.strip import draw_strip
from tests.passes.printing import BLANK, pages_of, part_of, printed, texts_of

RARE = "𠮷"

needs_fontconfig = pytest.mark.skipif(not shutil.which("fc-match"), reason="fontconfig is not installed")


@pytest.fixture(autouse=True)
def forgotten_fonts() -> Iterator[None]:
    """Let every test ask anew which fonts there are."""
    for cached in (fonts.face_of, fonts.em_width):
        cached.cache_clear()
    yield
    for cached in (fonts.face_of, fonts.em_width):
        cached.cache_clear()


@pytest.fixture
def system_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose only fonts lie in the returned folder, empty at first."""
    folder = tmp_path / "Fonts"
    folder.mkdir()
    (tmp_path / "fonts.conf").write_text(
        f"<fontconfig><dir>{folder}</dir><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    return folder


def built(chars: str, *, outline: str = "glyf", blank: bool = False) -> TTFont:
    """Return a font in which each of the characters is a black square of 800 × 800 units, or nothing."""
    names = {ord(char): f"u{ord(char):X}" for char in chars}
    builder = FontBuilder(1000, isTTF=outline == "glyf")
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    glyphs = {}
    for name in [".notdef", *names.values()]:
        pen = TTGlyphPen(None) if outline == "glyf" else T2CharStringPen(1000, None)
        if not blank:
            square = RecordingPen()
            square.moveTo((100, 0))
            for corner in ((100, 800), (900, 800), (900, 0)):
                square.lineTo(corner)
            square.closePath()
            square.replay(pen)
        glyphs[name] = pen.glyph() if outline == "glyf" else pen.getCharString()
    if outline == "glyf":
        builder.setupGlyf(glyphs)
    else:
        builder.setupCFF("Built", {}, glyphs, {})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Built", "styleName": "Regular", "psName": "Built-Regular"})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120, usWinAscent=880, usWinDescent=120)
    builder.setupPost()
    return builder.font


def save_ttf(folder: Path) -> None:
    built(RARE).save(folder / "built.ttf")


def save_otf(folder: Path) -> None:
    built(RARE, outline="CFF").save(folder / "built.otf")


def save_ttc(folder: Path) -> None:
    collection = TTCollection()
    collection.fonts = [built("A"), built(RARE)]
    collection.save(folder / "built.ttc")


def black(image: Image.Image) -> float:
    """Return which part of the place of the holder's first character is black."""
    box = CR80.holder
    edges = (box.x, box.y + 1.5, box.x + box.letters, box.y + 1 + box.letters)
    place = part_of(image, DPI, edges)
    return sum(place.histogram()[:128]) / (place.width * place.height)


def test_the_package_draws_gbk_and_some_beyond() -> None:
    gbk = [bytes([high, low]).decode("gbk", "ignore") for high in range(0x81, 0xFF) for low in range(0x40, 0xFF)]
    han = [char for char in gbk if len(char) == 1 and "\u4e00" <= char <= "\u9fff"]
    assert len(han) > 20_000
    package = fonts.package_face()
    assert [char for char in [*han[::9], *"㛃䶮龘ёü—…〓□ \u3000"] if fonts.face_of(char) is not package] == []


@needs_fontconfig
def test_what_no_font_has_is_geta_and_told(system_fonts: Path, tmp_path: Path) -> None:
    rare = printed(holder="云𠮷😀𠮷", address="ᠮ座")
    assert missing_characters([rare, printed()]) == (RARE, "😀", "ᠮ")
    geta = printed(holder="云〓〓〓", address="〓座")
    assert ImageChops.difference(draw_card(rare), draw_card(geta)).getbbox() is None
    assert draw_strip(rare).tobytes() == draw_strip(geta).tobytes()
    assert save_card(tmp_path / "rare.png", rare) == (RARE, "😀", "ᠮ")
    assert write_sheets(tmp_path / "rare.pdf", [printed(), rare]) == (RARE, "😀", "ᠮ")
    assert "云〓〓〓" in texts_of(tmp_path / "rare.pdf")[0]


@needs_fontconfig
@pytest.mark.parametrize("save", [save_ttf, save_otf, save_ttc])
def test_a_font_of_the_system_steps_in(save: Callable[[Path], None], system_fonts: Path, tmp_path: Path) -> None:
    save(system_fonts)
    rare = printed(holder=f"{RARE}云水")
    assert missing_characters([rare]) == ()
    # The built glyph is a black square, which no other font draws for this character.
    assert black(draw_card(rare)) > 0.5
    assert save_card(tmp_path / "rare.pdf", rare) == ()
    assert black(pages_of(tmp_path / "rare.pdf", 300)[0]) > 0.5
    assert f"{RARE}云水" in texts_of(tmp_path / "rare.pdf")[0].replace("\r\n", "")
    assert draw_strip(rare).tobytes() != draw_strip(printed(holder="〓云水")).tobytes()


@needs_fontconfig
def test_a_system_font_changes_nothing_that_the_package_draws(system_fonts: Path) -> None:
    before = draw_card(printed())
    built("云小溪水").save(system_fonts / "built.ttf")
    fonts.face_of.cache_clear()
    assert ImageChops.difference(before, draw_card(printed())).getbbox() is None


@needs_fontconfig
def test_a_font_that_shows_nothing_is_passed_over(system_fonts: Path) -> None:
    built(RARE, blank=True).save(system_fonts / "a-blank.ttf")
    assert missing_characters([printed(holder=RARE)]) == (RARE,)
    fonts.face_of.cache_clear()
    save_otf(system_fonts)
    assert missing_characters([printed(holder=RARE)]) == ()


@needs_fontconfig
def test_a_broken_font_is_passed_over(system_fonts: Path) -> None:
    save_ttf(system_fonts)
    save_otf(system_fonts)
    command = ["fc-match", "--format", "%{file}", f":charset={ord(RARE):x}"]
    first = Path(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    # fontconfig's cache still names the file; what it holds is broken by now.
    first.write_bytes(first.read_bytes()[:200])
    face = fonts.face_of(RARE)
    assert face is not None
    assert Path(face.path) in {system_fonts / "built.ttf", system_fonts / "built.otf"} - {first}


def test_without_fontconfig_the_package_font_still_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_characters([printed(holder=f"云{RARE}")]) == (RARE,)


def test_on_windows_its_own_fonts_step_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "Fonts").mkdir()
    built(RARE).save(tmp_path / "Fonts" / "simsunb.ttf")
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "win32")
    assert missing_characters([printed(holder=f"{RARE}😀")]) == ("😀",)


@needs_fontconfig
def test_bold_white_and_rare_text_is_quietly_drawn_in_a_pdf(
    system_fonts: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_ttc(system_fonts)
    card = printed(holder=f"云{RARE}", address=RARE * 40)
    with caplog.at_level(logging.WARNING):
        save_card(tmp_path / "card.pdf", card)
    assert caplog.records == []
    # The kind's name is white on green.
    band = part_of(pages_of(tmp_path / "card.pdf", DPI)[0], DPI, (60, 4, 81, 11))
    assert sum(band.histogram()[230:]) > 100
    assert black(draw_card(BLANK)) == 0
