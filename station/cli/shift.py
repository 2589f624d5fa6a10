"""`gatepost shift`: take up duty, hand over, and tell who was on post, without a screen."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.access import Role
from station.cli.common import echo_json, folder_option, instant, json_option, station_in
from station.clock import local_time
from station.i18n import _

if TYPE_CHECKING:
    from station.assembly import Station
    from station.duty.handover import Count
    from station.duty.outstanding import Outstanding
    from station.shifts import ShiftLine, Signed


@click.group()
def shift() -> None:
    """Take up duty, hand over, and report the shifts of this post."""


@shift.command("open")
@click.argument("guards", nargs=-1, required=True)
@click.option("--lead", help="The lead on duty.")
@click.option("--protected/--not-protected", default=None, help="Whether all of them wear what protects them.")
@click.option("--due", help="When the shift was to begin, like 2026-03-10T08:00; whoever comes later is late.")
@click.option("--late-reason", default="", help="Why they are late.")
@folder_option
def open_(
    guards: tuple[str, ...],
    lead: str | None,
    protected: bool | None,
    due: str | None,
    late_reason: str,
    folder: Path | None,
) -> None:
    """Take up duty as GUARDS; the first one answers for what is recorded."""
    from station.shifts import open_shift

    with station_in(folder) as station:
        due_ms = instant("--due", due, station.settings.zone) if due else None
        row = open_shift(
            *(station.journal, station.register, station.clock, list(guards), lead),
            protected=protected,
            due_ms=due_ms,
            late_reason=late_reason,
            signed=_signed(station, guards[0]),
        )
        click.echo(_("On duty: {guards}").format(guards=", ".join(row.guards)))


@shift.command("hand-over")
@click.argument("incoming", nargs=-1)
@click.option("--lead", default="", help="The lead of the next shift.")
@click.option("--abnormal", default="", help="What was out of the ordinary.")
@click.option("--note", default="", help="What is still to do, in your own words.")
@click.option("--handed", multiple=True, metavar="N", type=int, help="Hand over the matter with this number.")
@click.option("--closed", multiple=True, metavar="N", type=int, help="The matter with this number is closed.")
@click.option("--goods", multiple=True, metavar="ARTICLE=COUNT[:WHY]", help="What was counted of an article.")
@click.option("--unmanned", is_flag=True, help="Nobody takes over: the post is left.")
@click.option("--list", "only_list", is_flag=True, help="List what has to be handed over or closed, and do nothing.")
@folder_option
@json_option
def hand_over_(
    *,
    incoming: tuple[str, ...],
    handed: tuple[int, ...],
    closed: tuple[int, ...],
    goods: tuple[str, ...],
    note: str,
    only_list: bool,
    folder: Path | None,
    as_json: bool,
    lead: str,
    abnormal: str,
    unmanned: bool,
) -> None:
    """Hand the shift over to INCOMING; everything that is still to do must be handed over or closed by its number."""
    from station.duty.book import DutyBook
    from station.duty.handover import HandOver, hand_over
    from station.duty.outstanding import outstanding

    with station_in(folder) as station:
        book = DutyBook.of(station)
        found = outstanding(book)
        if only_list:
            _list(found, as_json=as_json)
            return
        current = station.register.current_shift()
        outgoing_signed = _signed(station, current.guards[0]) if current else "name"
        incoming_signed = _signed(station, incoming[0]) if incoming else "name"
        ticked = dict.fromkeys(handed, False) | dict.fromkeys(closed, True)
        if wrong := [no for no in ticked if not 1 <= no <= len(found)]:
            raise UsageError(N_("{no}: no matter has this number; see: gatepost shift hand-over --list"), no=wrong[0])
        counts = hand_over(
            book,
            HandOver(
                incoming=incoming,
                lead=lead,
                abnormal=abnormal,
                outstanding=note,
                closed={found[no - 1].key: is_closed for no, is_closed in ticked.items()},
                goods=dict(_counted(text) for text in goods),
                unmanned=unmanned,
                outgoing_signed=outgoing_signed,
                incoming_signed=incoming_signed,
            ),
        )
        if as_json:
            echo_json(counts)
            return
        sentence = _("Shift handed over: out {exits}, in {entries}, refused {refused}, fevers {fevers}")
        click.echo(sentence.format(**counts))


@shift.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many shifts.")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), help="Write the last hand-over to this file.")
@click.option("--strip", type=click.Path(dir_okay=False, path_type=Path), help="The same as a PNG for 58 mm paper.")
@folder_option
@json_option
def report(last: int, pdf: Path | None, strip: Path | None, folder: Path | None, as_json: bool) -> None:
    """Tell the shifts of this post, the newest first, with late beginnings and times without anybody."""
    from station.shifts import shift_lines

    with station_in(folder) as station:
        lines = shift_lines(station.journal.connection, last)
        if pdf or strip:
            _write(station, lines, pdf, strip)
        elif as_json:
            echo_json([_row(line) for line in lines])
        else:
            for line in lines:
                click.echo(_told(line, station))


def _write(station: "Station", lines: "list[ShiftLine]", pdf: Path | None, strip: Path | None) -> None:
    import io

    from passes.paper import write_whole
    from station.duty.slip import draw_pdf, draw_strip, words_of

    ended = next((line for line in lines if line.handed_over), None)
    if ended is None:
        raise UsageError(N_("no shift was handed over yet, so there is nothing to print"))
    words = words_of(ended, station.settings.station.name, station.settings.zone)
    if pdf:
        write_whole(pdf, draw_pdf(words))
        click.echo(str(pdf))
    if strip:
        content = io.BytesIO()
        draw_strip(words).save(content, "PNG")
        write_whole(strip, content.getvalue())
        click.echo(str(strip))


def _list(found: "list[Outstanding]", *, as_json: bool) -> None:
    from station.duty.outstanding import WORDS

    if as_json:
        echo_json([{"no": no, "what": one.what, "text": one.text} for no, one in enumerate(found, 1)])
        return
    for no, one in enumerate(found, 1):
        click.echo(f"{no}  {_(WORDS[one.what])}: {one.text}")


def _signed(station: "Station", name: str) -> "Signed":
    """Let somebody sign by their PIN, where anybody has one here."""
    if not station.access.provers(Role.GUARD):
        return "name"
    if not sys.stdin.isatty():
        raise UsageError(N_("{name}: signs by PIN, and nobody can be asked here; use a terminal"), name=name)
    pin = click.prompt(_("PIN of {name}").format(name=plain(name, 40)), hide_input=True, err=True)
    station.access.verify(name, pin, Role.GUARD)
    return "pin"


def _counted(text: str) -> "tuple[str, Count]":
    from station.duty.handover import Count

    item, equals, rest = text.partition("=")
    if not equals:
        raise UsageError(N_("--goods {text!r}: write ARTICLE=COUNT, and :WHY where it differs"), text=text[:80])
    quantity, _colon, why = rest.replace("：", ":").partition(":")
    return item.strip(), Count(quantity, why)


def _row(line: "ShiftLine") -> dict[str, object]:
    over = line.handed_over
    return {
        "shift": line.id,
        "guards": line.opened.guards,
        "lead": line.opened.lead,
        "opened_ms": line.opened_ms,
        "late_minutes": line.late_ms // 60_000,
        "unmanned_minutes_before": line.gap_ms // 60_000,
        "handed_over_ms": line.handed_over_ms,
        "incoming": over.incoming if over else None,
        "counts": over.counts if over else None,
        "abnormal": over.abnormal if over else None,
    }


def _told(line: "ShiftLine", station: "Station") -> str:
    def at(at_ms: int | None) -> str:
        return _("on duty") if at_ms is None else f"{local_time(at_ms, station.settings.zone):%Y-%m-%d %H:%M}"

    parts = [f"{at(line.opened_ms)} - {at(line.handed_over_ms)}", ", ".join(line.opened.guards)]
    if line.late_ms:
        parts.append(_("{minutes} min late").format(minutes=line.late_ms // 60_000))
    if line.gap_ms:
        parts.append(_("UNMANNED {minutes} min before").format(minutes=line.gap_ms // 60_000))
    if line.handed_over and not line.handed_over.incoming:
        parts.append(_("left unmanned"))
    return "   ".join(parts)
