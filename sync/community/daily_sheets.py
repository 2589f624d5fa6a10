"""The daily report as tables: a form of all counts, and a table of the stations; as JSON it is one document."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from passes.errors import N_
from sync.community.daily import ITEMS, ORIGINS, STATION_ITEMS, DailyReport, StationDay
from sync.community.instants import local_time
from sync.community.sheets import Column, Row, Say, Sheet, save_by, write_csv, write_xlsx_pages
from sync.events import OFFICE

_TITLE = N_("Daily report")
_ZERO_TITLE = N_("Daily report (zero report)")
_STATIONS_TITLE = N_("Daily report by checkpoint")
_TITLES = {title: title for title in ITEMS.values()}
_ABREAST = 3
_FORM_COLUMNS = {
    f"{key}{place}": column
    for place in range(_ABREAST)
    for key, column in (("item", Column(N_("Item"), 34, _TITLES)), ("count", Column(N_("Count"), 12)))
}
_LIST_COLUMNS = {"item": Column(N_("Item"), 44, _TITLES), "count": Column(N_("Count"), 12)}
_ON_PAPER = frozenset(
    {
        *("on_duty", "persons", "vehicles", "entries", "exits", "visitors", "refused", "turned_back", "fevers"),
        *("overridden", "passes_issued", "passes_revoked"),
    }
)
"""What has room beside the station's name on an upright page; the form has everything."""

_SUM = N_("In sum")
_OFFICE = N_("the office")
_ZERO = N_("ZERO REPORT: nothing happened on this day")
_STATION_ZERO = N_("zero report")
_NEVER = N_("never heard: no data, not zero")
_SILENT = N_("{count} checkpoints were not heard up to the end: may be incomplete")
_SINCE = N_("not heard since {time}: may be incomplete")
_PERIOD = N_("{day}, from {start} to {end}")
_MADE = N_("Drawn up {time}")
_RUNNING = N_("Drawn up {time}, before the end of the day: not complete")
_SIMILAR = N_("Similar to the forms in use; not an official form.")
_NO_ORIGIN = N_("not said")


def form_of(report: DailyReport, zone: ZoneInfo, say: Say) -> Sheet:
    """Return all counts in three columns of items, as the form is printed: one page."""
    items = list(_items(report, say))
    height = -(-len(items) // _ABREAST)
    rows: list[dict[str, Any]] = [dict.fromkeys(_FORM_COLUMNS, "") for _line in range(height)]
    for number, item in enumerate(items):
        place, line = divmod(number, height)
        rows[line].update({f"{key}{place}": value for key, value in item.items()})
    return _sheet(report, zone, say, _TITLE, _FORM_COLUMNS, rows)


def list_of(report: DailyReport, zone: ZoneInfo, say: Say) -> Sheet:
    """Return all counts below each other, as spreadsheets take them."""
    return _sheet(report, zone, say, _TITLE, _LIST_COLUMNS, list(_items(report, say)))


def stations_of(report: DailyReport, zone: ZoneInfo, say: Say) -> Sheet:
    """Return one row for each checkpoint, and the sum in the last."""
    columns = {
        "station": Column(N_("Station"), 12),
        "name": Column(N_("Checkpoint's name"), 14),
        **{item: Column(ITEMS[item], 8, on_paper=item in _ON_PAPER) for item in STATION_ITEMS},
        "note": Column(N_("Note"), 22),
    }
    rows: list[Row] = [
        {
            "station": one.station,
            "name": say(_OFFICE) if one.station == OFFICE else one.name,
            **{item: one.counts[item] for item in STATION_ITEMS},
            "note": _note(one, zone, say),
        }
        for one in report.stations
    ]
    note = say(_STATION_ZERO) if report.is_zero else ""
    total = {item: report.total[item] for item in STATION_ITEMS}
    rows.append({"station": say(_SUM), "name": "", **total, "note": note})
    return _sheet(report, zone, say, _STATIONS_TITLE, columns, rows)


def as_json(report: DailyReport, zone: ZoneInfo) -> bytes:
    """Return the whole report with stable keys."""

    def moment(at_ms: int | None) -> str | None:
        return None if at_ms is None else local_time(at_ms, zone).isoformat(timespec="seconds")

    whole = {
        "day": str(report.day),
        "from": moment(report.start_ms),
        "until": moment(report.end_ms),
        "made_at": moment(report.made_ms),
        "is_complete": not report.is_running,
        "zero_report": report.is_zero,
        "total": {**report.total, ORIGINS: report.origins},
        "stations": [
            {
                "station": one.station,
                "name": one.name,
                "last_contact": moment(one.last_contact_ms),
                "may_be_incomplete": one.is_silent,
                "zero_report": one.is_zero and not one.is_silent,
                "counts": {item: one.counts[item] for item in STATION_ITEMS},
            }
            for one in report.stations
        ],
    }
    return json.dumps(whole, indent=1).encode()


def write_report(
    report: DailyReport, zone: ZoneInfo, path: Path, file_format: str, community_name: str, say: Say
) -> None:
    """Write the report as csv (the checkpoints), xlsx (both tables), pdf (both) or json; raises `ExportError`."""

    def write(out: BinaryIO) -> int:
        if file_format == "json":
            return out.write(as_json(report, zone) + b"\n")
        if file_format == "csv":
            return write_csv(stations_of(report, zone, say), out, say)
        if file_format == "xlsx":
            both = [list_of(report, zone, say), stations_of(report, zone, say)]
            return write_xlsx_pages(both, out, report.made_ms, say)
        from sync.community.sheet_pdf import write_pdf

        return write_pdf([form_of(report, zone, say), stations_of(report, zone, say)], out, community_name, say)

    save_by(path, write, lambda _count: None)


def lines_of(report: DailyReport, zone: ZoneInfo, say: Say) -> list[tuple[str, str]]:
    """Return the report for a terminal: item and count, then what is to be said about it."""
    sheet = list_of(report, zone, say)
    lines = [(say(str(row["item"])), str(row["count"])) for row in _items(report, say)]
    return [*((about, "") for about in sheet.about), *lines, *((note, "") for note in sheet.notes)]


def _items(report: DailyReport, say: Say) -> Iterator[dict[str, Any]]:
    by_origin = ", ".join(f"{place or say(_NO_ORIGIN)} {count}" for place, count in report.origins.items())
    for item, title in ITEMS.items():
        yield {"item": title, "count": report.total[item] if item != ORIGINS else by_origin or 0}


def _sheet(
    report: DailyReport, zone: ZoneInfo, say: Say, title: str, columns: dict[str, Column], rows: list[Any]
) -> Sheet:
    def moment(at_ms: int) -> datetime:
        return local_time(at_ms, zone)

    period = say(_PERIOD).format(
        day=report.day, start=f"{moment(report.start_ms):%m-%d %H:%M}", end=f"{moment(report.end_ms):%m-%d %H:%M}"
    )
    made = say(_RUNNING if report.is_running else _MADE).format(time=f"{moment(report.made_ms):%Y-%m-%d %H:%M}")
    silent = sum(one.is_silent for one in report.stations)
    about = (
        period,
        made,
        *([say(_ZERO)] if report.is_zero else []),
        *([say(_SILENT).format(count=silent)] if silent else []),
    )
    return Sheet(
        _ZERO_TITLE if report.is_zero and title == _TITLE else title,
        columns,
        rows,
        about=about,
        notes=(say(_SIMILAR),),
    )


def _note(one: StationDay, zone: ZoneInfo, say: Say) -> str:
    if one.is_silent and one.last_contact_ms is None:
        return say(_NEVER)
    if one.is_silent and one.last_contact_ms is not None:
        return say(_SINCE).format(time=f"{local_time(one.last_contact_ms, zone):%m-%d %H:%M}")
    return say(_STATION_ZERO) if one.is_zero else ""
