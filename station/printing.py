"""Passes on paper: from the register's rows to files and printers, and the record of what came out."""

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from passes.errors import N_, UsageError
from passes.kinds import Kind
from passes.plaintext import plain
from passes.token import MARK
from station.assembly import Station
from station.i18n import _
from station.register import PassRow
from sync.bodies import PassPrinted

if TYPE_CHECKING:
    from passes.printed import PrintedPass
    from station.devices.printers import Printer

Layout = Literal["sheet10", "sheet8", "card", "card120", "strip58", "strip80"]
"""Ten or eight on A4, one CR80 or 120 × 80 mm card, or a strip of thermal paper 58 or 80 mm wide."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
TO_FILE = "file"
"""What is recorded as the printer of passes that were written into a file."""

_STRIPS_AT_ONCE = 10
OnPass = Callable[[int], None]
"""Is told how many passes more are done."""


def printed(station: Station, row: PassRow) -> "PrintedPass":
    """Return what a pass shows on paper, in the user's language.

    Raises `UsageError` for a visitor's pass of another station, whose token is not known here.
    """
    from passes.printed import PrintedPass

    if row.token.startswith(MARK):
        raise UsageError(
            N_("pass {number}: is a visitor's, and only the station that issued it can print it"), number=row.number
        )
    kind = station.register.rules().kind(row.kind, station.clock.now_ms())
    return PrintedPass(
        token=row.token,
        number=row.number,
        holder=row.holder if station.settings.passes.holder_names else "",
        kind_label=_(kind.label) if kind else row.kind,
        address=row.address,
        valid_from=date.fromisoformat(row.valid_from),
        valid_until=date.fromisoformat(row.valid_until),
        community_name=station.settings.community.name,
        colour=kind.colour if kind else "none",
        notes=tuple(_notes(kind)) if kind else (),
        valid_label=_("Valid"),
        seal_label=_("Seal"),
    )


def print_to_file(
    station: Station, rows: Sequence[PassRow], path: Path, layout: Layout, on_pass: OnPass
) -> tuple[str, ...]:
    """Draw passes into a file and record that; return the characters that no font has.

    A `.pdf` holds any number of sheets; cards and strips are one to a file (`.png`, cards `.pdf` too). Raises
    `UsageError` when the passes do not fit the file, or it cannot be written: then nothing is recorded.
    """
    missing = _write(station, rows, path, layout, on_pass)
    _record(station, rows, TO_FILE, layout)
    return missing


def print_to(
    station: Station, rows: Sequence[PassRow], address: str, layout: Layout | None, on_pass: OnPass
) -> tuple[str, ...]:
    """Print passes and record those that came out; return the characters that no font has.

    Raises `PrinterError` when a printer fails: what came out before is recorded, the rest stays unprinted. Raises
    `UsageError` for a wrong address, or a layout that the printer cannot take.
    """
    from passes.printed import missing_characters
    from station.devices.printers import StripPrinter, open_printer

    printer = open_printer(address)
    if isinstance(printer, StripPrinter):
        if layout not in (None, f"strip{printer.width_mm}"):
            raise _wrong_layout(address, layout, f"strip{printer.width_mm}")
        _print_strips(station, rows, printer, address, on_pass)
    else:
        if layout in ("strip58", "strip80"):
            raise _wrong_layout(address, layout, "sheet10, sheet8, card, card120")
        _print_pages(station, rows, printer, address, layout or "sheet10", on_pass)
    return missing_characters(printed(station, row) for row in rows)


def _write(station: Station, rows: Sequence[PassRow], path: Path, layout: Layout, on_pass: OnPass) -> tuple[str, ...]:
    from passes.card import CARD_120X80, CR80, save_card
    from passes.printed import missing_characters
    from passes.sheet import write_sheets

    drawn = [printed(station, row) for row in rows]
    if layout in ("sheet10", "sheet8"):
        if path.suffix.lower() != ".pdf":
            raise UsageError(N_("{path}: sheets are written as .pdf; choose that suffix"), path=plain(str(path), 1000))
        per_page: Literal[8, 10] = 10 if layout == "sheet10" else 8
        return write_sheets(path, drawn, per_page, on_page=lambda *_pages: on_pass(per_page))
    if len(drawn) != 1:
        raise UsageError(
            N_('--layout {layout}: one pass to a file, not {count}; choose sheet10 or sheet8, or print with "--to"'),
            layout=layout,
            count=len(drawn),
        )
    if layout in ("card", "card120"):
        missing = save_card(path, drawn[0], CR80 if layout == "card" else CARD_120X80)
    else:
        _save_strip(path, drawn[0], layout)
        missing = missing_characters(drawn)
    on_pass(1)
    return missing


def _save_strip(path: Path, one: "PrintedPass", layout: Layout) -> None:
    from passes.paper import write_whole
    from passes.strip import DPI, draw_strip

    if path.suffix.lower() != ".png":
        raise UsageError(N_("{path}: a strip is written as .png; choose that suffix"), path=plain(str(path), 1000))
    content = io.BytesIO()
    draw_strip(one, 58 if layout == "strip58" else 80).save(content, "PNG", dpi=(DPI, DPI))
    write_whole(path, content.getvalue())


def _print_strips(station: Station, rows: Sequence[PassRow], printer: "Printer", address: str, on_pass: OnPass) -> None:
    from passes.strip import draw_strip
    from station.devices.printers import PrinterError, StripPrinter

    assert isinstance(printer, StripPrinter)  # noqa: S101 - asked by the caller, who cannot say so in its type
    layout: Layout = "strip58" if printer.width_mm == 58 else "strip80"
    for start in range(0, len(rows), _STRIPS_AT_ONCE):
        some = rows[start : start + _STRIPS_AT_ONCE]
        strips = [draw_strip(printed(station, row), printer.width_mm) for row in some]
        try:
            printer.print_strips(strips)
        except PrinterError as error:
            _record(station, some[: error.printed], address, layout)
            raise
        _record(station, some, address, layout)
        on_pass(len(some))


def _print_pages(
    station: Station, rows: Sequence[PassRow], printer: "Printer", address: str, layout: Layout, on_pass: OnPass
) -> None:
    from station.devices.printers import StripPrinter

    assert not isinstance(printer, StripPrinter)  # noqa: S101 - asked by the caller, who cannot say so in its type
    jobs = [rows] if layout in ("sheet10", "sheet8") else [[row] for row in rows]
    with tempfile.TemporaryDirectory(prefix="gatepost-") as folder:
        for job in jobs:
            path = Path(folder) / "passes.pdf"
            _write(station, job, path, layout, on_pass)
            printer.print_pdf(path)
            _record(station, job, address, layout)


def _record(station: Station, rows: Iterable[PassRow], address: str, layout: Layout) -> None:
    with station.journal.writing():
        for row in rows:
            body = PassPrinted(pass_id=row.pass_id, printer=plain(address, 200), layout=layout)
            station.register.record(body, station.clock.now_ms())


def _notes(kind: Kind) -> Iterator[str]:
    """Say what the holder may do, then what the community wants them to know."""
    if kind.trips is not None:
        yield _("{trips} trip(s) in {days} day(s)").format(trips=kind.trips, days=kind.period_days)
    if kind.minutes_away:
        yield _("at most {minutes} minutes each").format(minutes=kind.minutes_away)
    for hours in kind.hours:
        yield _("from {start} to {end}").format(start=f"{hours.start:%H:%M}", end=f"{hours.end:%H:%M}")
    if kind.id_check:
        yield _("only together with the ID card")
    yield _("personal: a lent or altered pass is void")
    yield from kind.notes


def _wrong_layout(address: str, layout: Layout | None, known: str) -> UsageError:
    return UsageError(
        N_("--layout {layout}: the printer {printer} takes {known}"),
        layout=layout,
        printer=plain(address, 200),
        known=known,
    )
