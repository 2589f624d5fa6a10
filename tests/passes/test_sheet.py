import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageFilter
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from passes.errors import UsageError
from passes.sheet import write_sheets
from tests.passes.printing import LONG, MM_PER_INCH, NOTES, pages_of, part_of, place_of, printed, scanned, texts_of

PASSES = [printed(place) for place in range(23)]
CELLS: dict[int, tuple[float, float]] = {8: (95, 66), 10: (85.6, 54)}
PER_PAGE = pytest.mark.parametrize("per_page", [8, 10])


@pytest.fixture(scope="module", params=[8, 10])
def sheets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    path = tmp_path_factory.mktemp("sheets") / "passes.pdf"
    assert write_sheets(path, PASSES, request.param) == ()
    return request.param, path


def in_chunks(per_page: int) -> list[list[str]]:
    tokens = [one.token for one in PASSES]
    return [sorted(tokens[start : start + per_page]) for start in range(0, len(tokens), per_page)]


@pytest.mark.parametrize("dpi", [150, 203])
def test_every_code_on_every_sheet_is_read(sheets: tuple[int, Path], dpi: int) -> None:
    per_page, path = sheets
    fronts = pages_of(path, dpi)[::2]
    assert [scanned(front) for front in fronts] == in_chunks(per_page)


@pytest.mark.parametrize("dpi", [150, 203])
def test_every_code_is_read_from_a_blurred_and_turned_sheet(sheets: tuple[int, Path], dpi: int) -> None:
    per_page, path = sheets
    front = pages_of(path, dpi)[0]
    assert scanned(front.filter(ImageFilter.GaussianBlur(0.8 * dpi / 150))) == in_chunks(per_page)[0]
    for degrees in (4, 90, 180):
        turned = front.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
        assert scanned(turned) == in_chunks(per_page)[0]


def test_codes_are_vectors_on_a4(sheets: tuple[int, Path]) -> None:
    _, path = sheets
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            assert list(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE])) == []
            assert [side / 72 * MM_PER_INCH for side in page.get_size()] == pytest.approx([210, 297], abs=0.1)


def test_every_word_can_be_selected(sheets: tuple[int, Path]) -> None:
    per_page, path = sheets
    fronts, backs = texts_of(path)[::2], texts_of(path)[1::2]
    assert len(fronts) == len(backs) == -(-len(PASSES) // per_page)
    for place, one in enumerate(PASSES):
        assert one.number in fronts[place // per_page]
        assert one.number in backs[place // per_page]
    assert fronts[0].count("云小溪水") == fronts[0].count("3栋2单元501室") == per_page
    assert all(backs[0].count(note) == per_page for note in NOTES)


def test_each_back_lies_behind_its_front_when_flipped_over_the_long_edge(sheets: tuple[int, Path]) -> None:
    per_page, path = sheets
    width, height = CELLS[per_page]
    rows = per_page // 2
    left, top = (210 - 2 * width) / 2, (297 - rows * height) / 2

    def cell(x: float, y: float) -> tuple[int, int]:
        return int((x - left) // width), int((y - top) // height)

    for place, one in enumerate(PASSES):
        sheet = place // per_page
        x, y = place_of(path, 2 * sheet, one.number)
        assert cell(x, y) == (place % per_page % 2, place % per_page // 2)
        back_x, back_y = place_of(path, 2 * sheet + 1, one.number)
        assert cell(210 - back_x, back_y) == cell(x, y)


def test_the_code_stands_beside_its_own_number(sheets: tuple[int, Path]) -> None:
    per_page, path = sheets
    numbers = {one.token: one.number for one in PASSES}
    _, height = CELLS[per_page]
    for found in zxingcpp.read_barcodes(pages_of(path, 150)[0]):
        corners = (found.position.top_left, found.position.bottom_right)
        x, y = (sum(getattr(one, axis) for one in corners) / 2 / 150 * MM_PER_INCH for axis in "xy")
        number_x, number_y = place_of(path, 0, numbers[found.text])
        assert abs(number_x - x) < 1
        assert 0 < number_y - y < height / 2


def test_marks_show_every_cut_and_stay_off_the_cards(sheets: tuple[int, Path]) -> None:
    per_page, path = sheets
    width, height = CELLS[per_page]
    rows, dpi = per_page // 2, 300
    left, top = (210 - 2 * width) / 2, (297 - rows * height) / 2
    for page in pages_of(path, dpi)[:2]:

        def darkest(x: float, y: float, across: float, down: float, page: Image.Image = page) -> float:
            return min(part_of(page, dpi, (x - across, y - down, x + across, y + down)).tobytes())

        for column in range(3):
            for y in (top - 4.5, 297 - top + 4.5):
                assert darkest(left + column * width, y, 0.1, 0.5) < 160
        for row in range(rows + 1):
            for x in (left - 4.5, 210 - left + 4.5):
                assert darkest(x, top + row * height, 0.5, 0.1) < 160
            # A cut that goes astray by a millimetre meets no ink.
            assert darkest(105, top + row * height, width - 0.5, 1) == 255


@PER_PAGE
def test_without_backs_there_are_only_fronts(per_page: Literal[8, 10], tmp_path: Path) -> None:
    write_sheets(tmp_path / "fronts.pdf", PASSES[: per_page + 1], per_page, backs=False)
    full, rest = pages_of(tmp_path / "fronts.pdf", 150)
    assert (len(scanned(full)), len(scanned(rest))) == (per_page, 1)
    assert b"/Duplex /Simplex" in (tmp_path / "fronts.pdf").read_bytes()


def test_the_printing_dialog_is_told_how_to_print(sheets: tuple[int, Path]) -> None:
    content = sheets[1].read_bytes()
    assert b"/PrintScaling /None" in content
    assert b"/Duplex /DuplexFlipLongEdge" in content


def test_the_font_is_embedded_with_nothing_that_is_not_used(sheets: tuple[int, Path]) -> None:
    content = sheets[1].read_bytes()
    assert b"/FontFile3" in content
    assert len(content) < 200_000


def test_progress_is_told_sheet_by_sheet(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_sheets(tmp_path / "a.pdf", PASSES, 10, on_page=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_same_passes_give_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from passes.sheet import write_sheets;"
        "from tests.passes.printing import printed;"
        "write_sheets(Path(sys.argv[1]), [printed(place, holder='龘㛃䶮') for place in range(3)])"
    )
    files = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.pdf"
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())}
        subprocess.run([sys.executable, "-c", code, str(path)], env=env, check=True, timeout=60)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert b"CreationDate" not in files[0]


def test_a_sheet_that_fails_leaves_the_file_before_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "passes.pdf"
    path.write_bytes(b"before")
    with pytest.raises(UsageError, match="not one that a code can carry"):
        write_sheets(path, [*PASSES[:2], dataclasses.replace(PASSES[2], token="no token")])
    assert [one.name for one in tmp_path.iterdir()] == ["passes.pdf"]
    assert path.read_bytes() == b"before"
    with pytest.raises(UsageError, match=r"passes\.pdf cannot be written"):
        write_sheets(tmp_path / "none" / "passes.pdf", PASSES[:1])
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"folder cannot be written"):
        write_sheets(tmp_path / "folder", PASSES[:1])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "passes.pdf"]


def test_no_pass_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pass to print"):
        write_sheets(tmp_path / "a.pdf", [])


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_the_longest_texts_stay_in_their_card(text: str, tmp_path: Path) -> None:
    long = dataclasses.replace(printed(1, text, text), community_name=text, kind_label=text, notes=(text,) * 9)
    write_sheets(tmp_path / "a.pdf", [long, printed(2), long], 10)
    for page in pages_of(tmp_path / "a.pdf", 150):
        for x, y, across, down in ((105, 40.5, 2, 26), (62, 67.5, 42, 2), (148, 67.5, 42, 2)):
            between = part_of(page, 150, (x - across, y - down, x + across, y + down))
            assert between.getextrema() == (255, 255)
    front = pages_of(tmp_path / "a.pdf", 203)[0]
    assert scanned(front) == sorted([long.token, long.token, printed(2).token])
