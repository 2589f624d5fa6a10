"""The named ledgers (台账) that can be filled from what gates and office record; layouts are similar to those in use.

Each is a table of its own columns, read from the journals for the selected days and station.
"""

from pathlib import Path

import sqlalchemy as sa

from passes.errors import N_, UsageError
from sync.community import ledger_rows as rows
from sync.community.duty_ledgers import DUTY_LEDGERS
from sync.community.exports import DIRECTIONS, KINDS, OUTCOMES, Mask
from sync.community.ledger_parts import ADDRESS, DATE, GUARD, NAME, NO, PASS, READING, SECOND, STATION, TIME, Ledger
from sync.community.pulling import Asking, Office, check_permission, hand_out
from sync.community.registers import selection_json
from sync.community.sheets import Column, Sheet
from sync.community.shiftlog import Selection

_SIMILAR = N_("Similar to the forms in use; not an official form.")

_CHECKED: dict[str, Column] = {
    "no": NO,
    "date": DATE,
    "time": TIME,
    "station": STATION,
    "direction": Column(N_("In/out"), 7, DIRECTIONS),
    "holder": NAME,
    "pass_number": PASS,
    "pass_kind": Column(N_("Kind"), 9, KINDS),
    "address": ADDRESS,
    "reading_celsius": READING,
    "second_reading_celsius": SECOND,
    "outcome": Column(N_("Outcome"), 10, OUTCOMES),
    "reasons": Column(N_("Reasons"), 20),
    "remark": Column(N_("Remark"), 16),
    "guard": GUARD,
}


LEDGERS: dict[str, Ledger] = {
    "passages": Ledger(N_("Passage ledger"), _CHECKED, rows.passages),
    "visitors": Ledger(
        N_("Visitors' ledger"),
        {
            "no": NO,
            "date": DATE,
            "holder": NAME,
            "pass_number": PASS,
            "pass_kind": Column(N_("Kind"), 9, KINDS),
            "address": ADDRESS,
            "time_in": Column(N_("Time in"), 9),
            "reading_celsius": READING,
            "time_out": Column(N_("Time out"), 14),
            "station": STATION,
            "guard": GUARD,
            "remark": Column(N_("Remark"), 16),
        },
        rows.visitors,
    ),
    "vehicles": Ledger(
        N_("Vehicle ledger"),
        {
            **{name: _CHECKED[name] for name in ("no", "date", "time", "station", "direction")},
            "plate": Column(N_("Plate"), 10, is_personal=True),
            "holder": Column(N_("Driver"), is_personal=True),
            "pass_number": PASS,
            "people": Column(N_("People"), 6),
            "readings": Column(N_("Readings (°C)"), 14),
            "origin": Column(N_("Coming from"), 14),
            "stops": Column(N_("Stops"), 14),
            "destination": Column(N_("Going to"), 14),
            "purpose": Column(N_("Purpose"), 14),
            "disinfected": Column(N_("Disinfected"), 8),
            **{name: _CHECKED[name] for name in ("outcome", "reasons", "guard")},
        },
        rows.vehicles,
    ),
    "refused": Ledger(N_("Refused and turned back"), _CHECKED, rows.refused),
    "fevers": Ledger(N_("Fever list"), _CHECKED, rows.fevers),
    "overrides": Ledger(
        N_("Let through on the lead's word"),
        {
            **{name: _CHECKED[name] for name in ("no", "date", "time", "station", "direction", "holder")},
            **{name: _CHECKED[name] for name in ("pass_number", "address", "reasons")},
            "override_reason": Column(N_("Why"), 20),
            "override_lead": Column(N_("Lead"), 11),
            "guard": GUARD,
        },
        rows.overrides,
    ),
    "passes": Ledger(
        N_("Register of passes"),
        {
            "no": NO,
            "date": DATE,
            "pass_number": PASS,
            "pass_kind": Column(N_("Kind"), 9, KINDS),
            "holder": NAME,
            "address": ADDRESS,
            "valid_from": Column(N_("Valid from"), 11),
            "valid_until": Column(N_("Valid until"), 11),
            "state": Column(N_("State"), 12, rows.PASS_STATES),
            "state_date": Column(N_("Since"), 11),
            "reason": Column(N_("Reason"), 14, rows.STATED),
            "station": STATION,
            "guard": Column(N_("Issued by"), 11),
        },
        rows.passes,
    ),
    "quarantine": Ledger(
        N_("Home isolation"),
        {
            "no": NO,
            "holder": NAME,
            "address": ADDRESS,
            "household": Column(N_("Whole household"), 10),
            "date": Column(N_("From"), 11),
            "until": Column(N_("Until"), 11),
            "released": Column(N_("Released on"), 11),
            "origin": Column(N_("Coming from"), 14, is_personal=True),
            "responsible": Column(N_("Responsible"), 11, is_personal=True),
            "letter_signed": Column(N_("Letter signed"), 8),
            "reason": Column(N_("Reason"), 18),
            "station": STATION,
            "guard": GUARD,
        },
        rows.quarantine,
    ),
    "bans": Ledger(
        N_("Bans and watch list"),
        {
            "no": NO,
            "what": Column(N_("What"), 12, rows.ORDERS),
            "holder": NAME,
            "address": ADDRESS,
            "household": Column(N_("Whole household"), 10),
            "date": Column(N_("From"), 11),
            "released": Column(N_("Ended on"), 11),
            "reason": Column(N_("Reason"), 18),
            "source": Column(N_("Whose list"), 12),
            "station": STATION,
            "guard": GUARD,
        },
        rows.bans,
    ),
    "shifts": Ledger(
        N_("Shifts and hand-overs"),
        {
            "no": NO,
            "station": STATION,
            "guards": Column(N_("Guards"), 14),
            "lead": Column(N_("Lead"), 9),
            "opened": Column(N_("Opened"), 15),
            "ended": Column(N_("Ended"), 15),
            "gap_minutes": Column(N_("Unmanned before (min)"), 9),
            "late_minutes": Column(N_("Late (min)"), 7),
            "incoming": Column(N_("Taken over by"), 10),
            "exits": Column(N_("Out"), 6),
            "entries": Column(N_("In"), 6),
            "refused": Column(N_("Refused"), 7),
            "turned_back": Column(N_("Turned back"), 7),
            "fevers": Column(N_("Fevers"), 6),
            "vehicles": Column(N_("Vehicles"), 7),
            "abnormal": Column(N_("Out of the ordinary"), 18, is_personal=True),
            "outstanding": Column(N_("Still to do"), 22, is_personal=True),
            "goods": Column(N_("Goods"), 18, is_personal=True),
            "signed": Column(N_("Signed"), 9, rows.SIGNED),
        },
        rows.shifts,
    ),
    "conflicts": Ledger(
        N_("Double uses"),
        {
            "no": NO,
            "date": DATE,
            "rule": Column(N_("What"), 12),
            "pass_number": PASS,
            "holder": NAME,
            "stations": Column(N_("Stations"), 18),
            "closed": Column(N_("Closed on"), 11),
            "discarded": Column(N_("Passages discarded"), 9),
            "reason": Column(N_("Note"), 24),
            "guard": Column(N_("Closed by"), 11),
        },
        rows.conflicts,
    ),
    **DUTY_LEDGERS,
}


def pull_ledger(
    office: Office, name: str, selection: Selection, asking: Asking, path: Path | None
) -> tuple[int, bytes]:
    """Write a ledger to `path`, or return its bytes when that is None; first, how many rows it has.

    Raises what `check_permission` and `hand_out` raise, and `UsageError` for a name that is no ledger.
    """
    ledger = LEDGERS.get(name)
    if ledger is None:
        raise UsageError(
            N_("ledger {name!r}: there is none of this name; choose one of {names}"),
            name=name[:64],
            names=", ".join(LEDGERS),
        )
    check_permission(office, asking)

    def make(connection: sa.Connection) -> Sheet:
        mask = Mask(asking.unmask)
        reader = rows.Reader(connection, office.community, selection, office.settings.zone, mask, office.now_ms)
        return Sheet(
            ledger.title,
            ledger.columns,
            ledger.rows(reader),
            asking.unmask,
            about=about(selection),
            notes=(office.say(_SIMILAR),),
        )

    return hand_out(office, make, selection_json(selection, ledger=name), asking, path)


def about(selection: Selection) -> tuple[str, ...]:
    """Return what was selected, in the words that stand under a printed table's title."""
    first, last = selection.day or selection.from_day, selection.day or selection.until_day
    parts = [
        *([str(first)] if first and first == last else [f"{first or '…'} – {last or '…'}"] if first or last else []),
        *([selection.station] if selection.station else []),
    ]
    return ("  ".join(parts),) if parts else ()
