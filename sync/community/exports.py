"""Passages as a table for staff, masked unless somebody may see more, and the log of what was taken out.

The columns are those of the person passage form (人员出入登记表), as far as an event holds them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from passes.errors import N_
from passes.kinds import PRESETS
from passes.masking import mask_address, mask_name, mask_number, mask_plate
from sync.bodies import Visit
from sync.community.database import exports, writing
from sync.community.instants import local_time
from sync.community.masking import mask_text
from sync.community.sheets import Column, Row, Sheet
from sync.community.shiftlog import Passage
from sync.events import new_id

DIRECTIONS = {"entry": N_("in"), "exit": N_("out")}
OUTCOMES = {"allowed": N_("allowed"), "refused": N_("refused"), "turned_back": N_("turned back")}
KINDS = {kind.code: kind.label for kind in PRESETS.values()}

COLUMNS: dict[str, Column] = {
    "no": Column(N_("No."), 6),
    "date": Column(N_("Date"), 11),
    "time": Column(N_("Time"), 9),
    "station": Column(N_("Station")),
    "direction": Column(N_("In/out"), 8, DIRECTIONS),
    "holder": Column(N_("Name"), is_personal=True),
    "pass_number": Column(N_("Pass number"), is_personal=True),
    "pass_kind": Column(N_("Kind"), words=KINDS),
    "address": Column(N_("Address"), 24, is_personal=True),
    "reading_celsius": Column(N_("Reading (°C)")),
    "second_reading_celsius": Column(N_("Second reading (°C)")),
    "outcome": Column(N_("Outcome"), words=OUTCOMES),
    "reasons": Column(N_("Reasons"), 24),
    "remark": Column(N_("Remark"), 24),
    "guard": Column(N_("Recorded by")),
    "shift": Column(N_("Shift"), 38, on_paper=False),
    "id_tail": Column(N_("ID number, end"), on_paper=False, is_personal=True),
    "phone_tail": Column(N_("Phone, end"), on_paper=False, is_personal=True),
    "host": Column(N_("Visits"), on_paper=False, is_personal=True),
    "origin": Column(N_("Coming from"), 24, on_paper=False),
    "purpose": Column(N_("Purpose"), 24, on_paper=False),
}


# The same people pass every day.
_mask_name, _mask_number, _mask_address = (
    lru_cache(maxsize=4096)(mask) for mask in (mask_name, mask_number, mask_address)
)


@dataclass(frozen=True, slots=True)
class Mask:
    """How names, pass numbers, addresses and free texts are shown: whole when `unmasked`, else masked.

    The guard's name is never masked: it says who answers for the record.
    """

    unmasked: bool = False

    def name(self, text: str | None) -> str:
        """Show a name."""
        return (text or "") if self.unmasked else _mask_name(text or "")

    def number(self, text: str | None) -> str:
        """Show a pass number."""
        return (text or "") if self.unmasked else _mask_number(text or "")

    def address(self, text: str | None) -> str:
        """Show an address, or a household named after one; its building stays."""
        return (text or "") if self.unmasked else _mask_address(text or "")

    def plate(self, text: str) -> str:
        """Show a plate."""
        return text if self.unmasked else mask_plate(text)

    def text(self, text: str | None) -> str:
        """Show what somebody wrote."""
        return (text or "") if self.unmasked else mask_text(text or "")


@dataclass(frozen=True, slots=True)
class _Rows:
    passages: Iterable[Passage]
    zone: ZoneInfo
    mask: Mask
    tails: Mapping[str, tuple[str, str]]

    def __iter__(self) -> Iterator[Row]:
        for number, passage in enumerate(self.passages, 1):
            yield passage_row(number, passage, self.zone, self.mask, self.tails)


def make_sheet(
    passages: Iterable[Passage],
    zone: ZoneInfo,
    *,
    unmasked: bool = False,
    tails: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Sheet:
    """Lay out passages with drift-corrected times in `zone`, one by one as they come.

    Names and pass numbers are masked as at the gate (`passes.masking`), addresses keep their building, and remarks are
    hidden, unless `unmasked`. `tails` are the ends of ID number and phone by the holder's id; more of them is in no
    export.
    """
    return Sheet(N_("Passage ledger"), COLUMNS, _Rows(passages, zone, Mask(unmasked), tails), unmasked)


def passage_row(
    number: int,
    passage: Passage,
    zone: ZoneInfo,
    mask: Mask,
    tails: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the row of one passage, with a value for each of `COLUMNS` and more for machines."""
    body = passage.body
    visit = body.visit or Visit()
    id_tail, phone_tail = tails.get(body.holder_id or "", ("", ""))
    happened = local_time(passage.happened_ms, zone)
    readings = [attempt.celsius for attempt in body.attempts]
    return {
        "no": number,
        "date": happened.date().isoformat(),
        "time": happened.time().isoformat("seconds"),
        "station": passage.station,
        "direction": body.direction,
        "holder": mask.name(body.holder),
        "pass_number": mask.number(body.pass_number),
        "pass_kind": body.pass_kind,
        "address": mask.address(body.address),
        "reading_celsius": readings[0] if readings else None,
        "second_reading_celsius": readings[-1] if len(readings) > 1 else None,
        "outcome": body.outcome,
        "reasons": body.reasons,
        "remark": mask.text(body.remark),
        "guard": passage.guard,
        "shift": passage.shift,
        "id_tail": id_tail,
        "phone_tail": phone_tail,
        "host": mask.name(visit.host),
        "origin": mask.text(visit.origin),
        "purpose": mask.text(visit.purpose),
        "event": passage.id,
        "epoch": passage.epoch,
        "seq": passage.seq,
        "at_ms": passage.at_ms,
        "happened_ms": passage.happened_ms,
        "purged": passage.is_purged,
    }


def log_export(
    engine: sa.Engine,
    community: str,
    *,
    staff_name: str | None,
    selection: str,
    file_format: str,
    count: int,
    unmasked: bool,
    now_ms: int,
) -> None:
    """Write down that somebody is about to take `count` rows out of the database, and whether unmasked."""
    row = {
        "community": community,
        "id": new_id(now_ms),
        "at_ms": now_ms,
        "staff_name": staff_name,
        "selection": selection,
        "format": file_format,
        "passages": count,
        "unmasked": unmasked,
    }
    with writing(engine) as connection:
        connection.execute(sa.insert(exports), row)
