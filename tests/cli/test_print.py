"""`gatepost pass print`: into files, to printers, and what is unprinted afterwards."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from station.assembly import open_station
from station.settings import FILE_NAME
from tests.cli.conftest import Run
from tests.cli.test_pass import issued


def codes_in(path: Path) -> set[str]:
    """Return every token that the pages of a PDF, or a picture, show."""
    if path.suffix == ".png":
        with Image.open(path) as image:
            return {found.text for found in zxingcpp.read_barcodes(image)}
    with pypdfium2.PdfDocument(path) as document:
        pages = [page.render(scale=150 / 72).to_pil() for page in document]
    return {found.text for page in pages for found in zxingcpp.read_barcodes(page)}


def unprinted(folder: Path) -> set[str]:
    with open_station(folder) as station:
        return {row.number for row in station.register.find_passes(unprinted=True)}


def test_all_unprinted_passes_come_on_sheets_once(run: Run, folder: Path, tmp_path: Path) -> None:
    passes = [issued(run, folder) for _ in range(12)]
    run("pass", "revoke", passes[11]["number"], "--reason", "void", "--dir", folder)
    out = tmp_path / "all.pdf"

    told = run("pass", "print", "--unprinted", "--out", out, "--dir", folder, "--json")

    assert len(json.loads(told.out)["printed"]) == 11
    assert codes_in(out) == {one["token"] for one in passes[:11]}
    assert unprinted(folder) == {passes[11]["number"]}
    run("pass", "print", "--unprinted", "--out", out, "--dir", folder).refused(2, "no pass is unprinted")
    assert "pass printed: file" in run("pass", "show", passes[0]["number"], "--dir", folder).out


@pytest.mark.parametrize(
    ("layout", "suffix"),
    [
        ("sheet8", ".pdf"),
        ("card", ".pdf"),
        ("card", ".png"),
        ("card120", ".png"),
        ("strip58", ".png"),
        ("strip80", ".png"),
    ],
)
def test_one_pass_in_every_form(run: Run, folder: Path, tmp_path: Path, layout: str, suffix: str) -> None:
    one = issued(run, folder)
    out = tmp_path / f"one{suffix}"

    told = run("pass", "print", one["number"], one["number"].lower(), "--layout", layout, "--out", out, "--dir", folder)

    assert (told.code, told.err, told.out) == (0, "", "printed: 1\n")
    assert codes_in(out) == {one["token"]}


def test_a_file_that_cannot_be_leaves_the_pass_unprinted(run: Run, folder: Path, tmp_path: Path) -> None:
    one, other = issued(run, folder), issued(run, folder)
    for words, said in (
        ((one["number"], "--out", tmp_path / "x.png"), "sheets are written as .pdf"),
        ((one["number"], "--out", tmp_path / "x.txt", "--layout", "card"), ".png or .pdf"),
        ((one["number"], "--out", tmp_path / "x.pdf", "--layout", "strip58"), "a strip is written as .png"),
        ((one["number"], "--out", tmp_path / "no" / "x.pdf"), "x.pdf"),
        (
            (one["number"], other["number"], "--out", tmp_path / "x.png", "--layout", "card"),
            "one pass to a file, not 2",
        ),
        (("--out", tmp_path / "x.pdf"), "--unprinted"),
        (("--unprinted", "--out", tmp_path / "x.pdf", "--to", "cups:x"), "give one of them"),
    ):
        run("pass", "print", *words, "--dir", folder).refused(2, said)
    assert unprinted(folder) == {one["number"], other["number"]}
    assert list(tmp_path.glob("x.*")) == []


@contextmanager
def refusing_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_printer_that_is_off_leaves_the_pass_unprinted(run: Run, folder: Path) -> None:
    one = issued(run, folder)
    with refusing_port() as port:
        run("pass", "print", one["number"], "--to", f"escpos:tcp://127.0.0.1:{port}", "--dir", folder).refused(
            1, str(port)
        )
    run("pass", "print", one["number"], "--to", "telex:1", "--dir", folder).refused(2, "telex:1")
    told = run("pass", "print", one["number"], "--to", "escpos:file:/x", "--layout", "sheet8", "--dir", folder)
    told.refused(2, "strip58")

    assert unprinted(folder) == {one["number"]}


def test_strips_go_to_a_printer_and_are_noted(run: Run, folder: Path, tmp_path: Path) -> None:
    one = issued(run, folder)
    paper = tmp_path / "paper"
    paper.touch()

    told = run("pass", "print", "--unprinted", "--to", f"escpos:file:{paper}", "--dir", folder)

    assert (told.code, told.err) == (0, "")
    assert paper.stat().st_size > 10_000
    assert unprinted(folder) == set()
    assert "pass printed: escpos:file:" in run("pass", "show", one["number"], "--dir", folder).out


def test_neither_code_nor_paper_tells_a_name_where_policy_forbids_it(run: Run, folder: Path, tmp_path: Path) -> None:
    settings = folder / FILE_NAME
    settings.write_text(settings.read_text().replace("holder_names = true", "holder_names = false"))
    one = issued(run, folder)
    out = tmp_path / "nameless.pdf"

    run("pass", "print", one["number"], "--out", out, "--dir", folder)

    with pypdfium2.PdfDocument(out) as document:
        text = document[0].get_textpage().get_text_range()
    assert "3-2-501" in text
    assert "王小明" not in text
    assert "王*明" in run("pass", "verify", one["token"], "--dir", folder).out
    with open_station(folder) as station:
        scan = station.gate.verify(one["token"], station.gate.register.rules().in_force(0)["resident"].first_leg)
        assert scan.token is not None
        assert scan.token.claims.holder == ""


def test_without_a_place_the_printers_are_named(run: Run) -> None:
    told = run("pass", "print", "--json")

    assert told.code == 0
    assert isinstance(json.loads(told.out), list)
