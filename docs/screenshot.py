"""Makes the pictures in docs/screens from the running app; `make screenshots` calls it.

Every screen and question in both languages and sizes, named `screen.language.columnsxrows.svg`. The station and its
journal are real and live in a temporary folder, people and devices are invented (`docs.sample`), and time stands still:
the same screens give the same files.
"""

import asyncio
import html
import re
import tempfile
from pathlib import Path

from rich.cells import cell_len

from docs.scenes import SIZES, morning, play
from station.i18n import LANGUAGES, Language
from station.screens.gate import GateScreen
from station.screens.work import WorkScreen
from tests.screens.console import Console
from tests.screens.fitting import cut

FOLDER = Path(__file__).parent / "screens"

_FONTS = "'DejaVu Sans Mono', Menlo, Consolas, monospace, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei'"
_CELL_PX, _WIDE_GLYPH_PX = 12.2, 20.0
_TEXT = re.compile(
    r'<text class="(?P<style>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength[^>]*>(?P<text>[^<]*)</text>'
)
_CLIP = re.compile(r'<clipPath id="[^"]*-line-\d+">.*?</clipPath>', re.DOTALL)


def on_grid(svg: str) -> str:
    """Return a picture of Rich's with every character in its own cell and no fonts fetched from elsewhere.

    Rich counts a Chinese character as one cell when it says how long a text is, so the browser would squeeze it.
    """
    svg = re.sub(r"@font-face \{.*?\}\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", svg)
    svg = re.sub(r"terminal-\d+-", "", _CLIP.sub("", svg))
    svg = _TEXT.sub(_placed, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def _placed(match: re.Match[str]) -> str:
    """Say the place of every word, and of every wide character, which stands in the middle of its two cells."""
    text, start = html.unescape(match["text"]).replace("\xa0", " "), float(match["x"])
    told = []
    for part in re.finditer(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*|\S", text):
        x, word = start + cell_len(text[: part.start()]) * _CELL_PX, part[0]
        wide = cell_len(word) == 2 * len(word)
        x += (2 * _CELL_PX - _WIDE_GLYPH_PX) / 2 if wide else 0
        told.append((x, word, wide))
    style, y = match["style"], match["y"]
    out = ""
    while told:
        run = [told.pop(0)]
        while run[0][2] and told and told[0][2]:
            run.append(told.pop(0))
        xs, words = " ".join(f"{x:.1f}" for x, _word, _wide in run), "".join(word for _x, word, _wide in run)
        length = "" if run[0][2] or len(words) == 1 else f' textLength="{len(words) * _CELL_PX:.1f}"'
        out += f'<text class="{style}" y="{y}" x="{xs}"{length}>{html.escape(words, quote=False)}</text>'
    return out


async def take_all(folder: Path, language: Language, size: tuple[int, int]) -> None:
    """Make every picture in one language and size; `folder` is for the station."""

    async def take(console: Console, name: str) -> None:
        for screen in console.app.screen_stack:
            if isinstance(screen, GateScreen | WorkScreen):
                screen._tick()  # what a second would show, however long this machine took
        await console.pilot.pause()
        if lost := cut(console.app.screen):
            raise SystemExit(f"{name} {language} {size}: no room for {lost}")
        svg = console.app.export_screenshot(title=console.app.TITLE)
        (FOLDER / f"{name}.{language}.{size[0]}x{size[1]}.svg").write_text(on_grid(svg), encoding="utf-8")

    async with morning(folder, language, size) as (console, story):
        await play(console, story, take)


def main() -> None:
    """Make all pictures anew."""
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    FOLDER.mkdir(exist_ok=True)
    for language in LANGUAGES:
        for size in SIZES:
            with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
                asyncio.run(take_all(Path(name), language, size))


if __name__ == "__main__":
    main()
