"""The gate's front desk: visitors without a pass, passes issued on the spot, and what the ID card reader says.

The gate screen hands its keys and messages here. The desk asks and shows; what is recorded is decided in
`station.visiting`, `station.issuing` and the lane.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from typing import TypeVar

from textual.screen import ModalScreen, Screen

from passes.errors import N_, KeyFileError, UsageError
from passes.identity import IdentityError, mask_id_numbers, parse_id_number, parse_phone, parse_plate
from passes.kinds import Mode
from passes.masking import mask_name
from passes.number import parse_number
from passes.plaintext import plain
from passes.policy import State
from passes.token import PREFIX
from passes.trips import Direction
from station import people, roster, visiting
from station.assembly import Station
from station.corrections import CorrectionError
from station.devices.idcard.card import CardError, IdCard
from station.dialogs.desk_forms import issue_form, visitor_form
from station.dialogs.form import Answer
from station.dialogs.leaving import Leaving, LeavingDialog
from station.dialogs.picker import PickerDialog
from station.dialogs.rows import RowsDialog
from station.dialogs.visitor import SHOWN, Finders, VisitorDialog
from station.i18n import _, explain
from station.issuing import Application, IssuingError
from station.lane import Lane
from station.roster import Known
from station.screens.vehicle_desk import VehicleDesk
from station.visiting import Registered, Registration, VisitError

_Given = TypeVar("_Given")
_REPEATED = ("host", "host_id", "origin", "purpose")
_KEPT_FOR_THE_NEXT = ("kind", "from", "until")
_NO_DOCUMENT = {"-", "--", "无", "没有", "none"}
_LONGEST_WORD = 40
_KEY_PASSPHRASE = "GATEPOST_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable


class FrontDesk:
    """The desk of one gate screen; it remembers the last visitor's host, origin and purpose for a group.

    `told` does something and shows the outcome, `hint` says one line.
    """

    def __init__(
        self,
        screen: Screen[None],
        station: Station,
        lane: Lane,
        told: Callable[[], AbstractContextManager[None]],
        hint: Callable[[str], None],
    ) -> None:
        self._screen = screen
        self._station = station
        self._lane = lane
        self._told = told
        self._hint = hint
        self._repeated: dict[str, str] = {}
        self._next_pass: dict[str, str] = {}
        self._asked_host = ""
        self.vehicles = VehicleDesk(station, lane, self._push, hint)

    def people(self, text: str) -> bool:
        """Find who is meant by a name, pinyin, room or plate that was typed; False for what may be a code.

        Whoever is chosen passes with their pass as if its number had been typed.
        """
        if len(text) > _LONGEST_WORD or text.startswith(PREFIX) or parse_number(text):
            return False
        find = partial(roster.find, self._station.journal.connection)
        found = find(text)
        if not found and (text.isascii() or not _may_be_a_name(text)):
            return False
        if not found and _is_plate(text):
            self.vehicles.ask(text)
        elif len(found) == 1 and self._has_pass(found[0]):
            self._enters(found[0])
        else:
            self._push(PickerDialog(_("Who is it?"), text, find), self._enters)
        return True

    def _has_pass(self, person: Known) -> bool:
        return bool(people.pass_numbers(self._station.journal.connection, person.person_id))

    def _enters(self, person: Known) -> None:
        """Let somebody of the roster stand here with their pass; whoever has none is told about."""
        station = self._station
        numbers = people.pass_numbers(station.journal.connection, person.person_id)
        rows = [row for number in numbers if (row := station.register.find_number(number))]
        good = next((row for row in rows if row.state is State.ACTIVE), rows[0] if rows else None)
        if good:
            self._lane.scan(good.number)
        else:
            told = _("{name} has no pass: Ctrl+N = issue one, F3 = visitor")
            self._hint(told.format(name=mask_name(person.name)))

    def visitor(self) -> None:
        """Ask who comes in without a pass, or who of those leaves."""
        if self._lane.is_pending:
            self._hint(_("Record the one who stands here first: Enter, or F6"))
        elif self._lane.direction is Direction.ENTRY:
            self._ask_visitor()
        else:
            inside = people.inside(self._station.journal.connection)
            self._push(LeavingDialog(inside, self._station.settings.zone), self._leaves)

    def issue(self) -> None:
        """Ask for whom a pass is issued, where this station may issue any."""
        try:
            self._station.desk(os.environ.get(_KEY_PASSPHRASE))
        except KeyFileError as error:
            self._hint(explain(error))
            return
        self._ask_pass(self._next_pass or {"kind": _("Resident"), "from": str(self._station.gate.today())})

    def card(self, event: IdCard | CardError) -> None:
        """Take what the ID card reader said: for the form that is open, or for whoever stands at the gate."""
        top = self._screen.app.screen
        if isinstance(top, RowsDialog | LeavingDialog):
            top.take_card(event)
        elif top is not self._screen:
            self._screen.app.bell()
        elif isinstance(event, CardError):
            self._hint(explain(event))
        elif self._lane.is_pending:
            self._compare(event)
        elif self._lane.direction is Direction.EXIT:
            self._leaves(Leaving(id_number=event.id_number))
        else:
            self._ask_visitor(card=event)

    def number(self, text: str) -> bool:
        """Take the number of an ID card, typed by hand or by a reader that is a keyboard; False for any other text.

        It is for the form that is open, or else says who comes or goes: as a code it would stand in the records.
        """
        if mask_id_numbers(text) == text:
            return False
        top = self._screen.app.screen
        try:
            number = parse_id_number(text)
        except IdentityError as error:
            if isinstance(top, RowsDialog):
                top.tell(explain(error))
            return isinstance(top, RowsDialog)
        if isinstance(top, RowsDialog):
            top.take_number(number)
        elif isinstance(top, LeavingDialog):
            top.dismiss(Leaving(id_number=number))
        elif top is not self._screen:
            self._screen.app.bell()
        elif self._lane.is_pending:
            self._hint(_("Record the one who stands here first: Enter, or F6"))
        elif self._lane.direction is Direction.EXIT:
            self._leaves_by_number(number)
        else:
            self._ask_visitor({"id_number": number})
        return True

    def _compare(self, card: IdCard) -> None:
        """Say whether the card is that of the person who stands here; the guard decides what it means."""
        person = self._lane.current.person if self._lane.current else None
        name = mask_name(card.name)
        if person and person.holder and "".join(person.holder.split()) == "".join(card.name.split()):
            self._hint(_("The card has the same name: {name}").format(name=name))
        else:
            self._screen.app.bell()
            self._hint(_("The card has another name: {name}. Not theirs: Ctrl+R").format(name=name))

    def _ask_visitor(self, values: dict[str, str] | None = None, trouble: str = "", card: IdCard | None = None) -> None:
        form = visitor_form(values or {}, self._station.gate.today(), trouble, self._repeated)
        connection = self._station.journal.connection
        find = Finders(
            seen=lambda text: people.seen_before(connection, text, SHOWN),
            of_number=partial(visiting.last_visit_of_number, self._station),
            hosts=lambda text: visiting.hosts_found(self._station, text, SHOWN),
        )
        dialog = VisitorDialog(form, find, values or {})
        self._push(dialog, self._visitor_answered)
        if card:
            dialog.call_after_refresh(dialog.take_card, card)

    def _visitor_answered(self, answer: Answer) -> None:
        values = answer.values
        try:
            asked = _registration(values)
            self._check_host(asked)
            if values["person_id"]:
                registered = visiting.again(self._station, values["person_id"], asked)
            else:
                registered = visiting.register(self._station, asked)
        except (UsageError, IdentityError) as error:
            self._ask_visitor(values, explain(error))
            return
        self._repeated = {name: values[name] for name in _REPEATED}
        self._asked_host = ""
        self._lane.visit(registered.visitor)
        self._hint(_about(registered))

    def _check_host(self, asked: Registration) -> None:
        """Ask once more about a host whom nobody knows: the rules refuse such a visit, and a refusal is on record."""
        host = asked.host
        rules, now_ms = self._station.register.rules(), self._station.clock.now_ms()
        if (
            asked.host_id
            or rules.mode(now_ms) is Mode.OPEN
            or visiting.find_host(self._station, host)
            or self._asked_host == f"={host}"
        ):
            return
        self._asked_host = f"={host}"
        raise VisitError(
            N_('whom do they visit: nobody known here lives under "{host}"; correct it, or Enter again to refuse them'),
            host=plain(host, 20),
        )

    def _leaves(self, answer: Leaving) -> None:
        if answer.register:
            self._lane.turn_direction()
            self._ask_visitor()
        elif answer.visitor:
            self._lane.visit(visiting.leaving(answer.visitor))
        else:
            self._leaves_by_number(answer.id_number)

    def _leaves_by_number(self, text: str) -> None:
        try:
            number = parse_id_number(text)
        except IdentityError:
            self._hint(_("Nobody of this name is inside"))
            return
        known, inside = visiting.known_number(self._station, number)
        if inside:
            self._lane.visit(visiting.leaving(inside))
        elif known and known.name:
            self._hint(_("{name} is not inside as a visitor").format(name=mask_name(known.name)))
        else:
            self._hint(_("No visitor with this ID number is inside"))

    def _ask_pass(self, values: dict[str, str], trouble: str = "") -> None:
        kinds = self._station.register.rules().in_force(self._station.clock.now_ms())
        labels = " ".join(_(kind.label) for kind in kinds.values())
        self._push(RowsDialog(issue_form(values, self._station.gate.today(), trouble, labels)), self._pass_answered)

    def _pass_answered(self, answer: Answer) -> None:
        from station.bulk.values import RowError

        values = answer.values
        try:
            asked = self._application(values)
            row = self._station.desk(os.environ.get(_KEY_PASSPHRASE)).issue(asked)
        except (UsageError, IdentityError, IssuingError, RowError) as error:
            self._ask_pass(values, explain(error))
            return
        self._next_pass = {name: values[name] for name in _KEPT_FOR_THE_NEXT}
        told = _("Pass {number} issued to {name}. Print: gatepost pass print {number}")
        self._hint(told.format(number=row.number, name=mask_name(row.holder)))

    def _application(self, values: dict[str, str]) -> Application:
        from station.bulk.values import KindNames, parse_day, parse_words

        kinds = self._station.register.rules().in_force(self._station.clock.now_ms())
        for name in ("name", "address"):
            if not values[name]:
                raise UsageError(N_("name and room: write both, they stand on the pass"))
        first: date = parse_day(values["from"])
        return Application(
            holder=parse_words("name", values["name"]),
            address=parse_words("address", values["address"]),
            kind=KindNames(kinds, _).parse(values["kind"]),
            valid_from=first,
            valid_until=parse_day(values["until"]),
            id_number=parse_id_number(values["id_number"]) if values["id_number"] else "",
            phone=parse_phone(values["phone"]) if values["phone"] else "",
        )

    def _push(self, dialog: ModalScreen[_Given | None], answered: Callable[[_Given], None]) -> None:
        """Open a dialog; whoever was scanned meanwhile is called by the gate when it is in front again."""

        def closed(answer: _Given | None) -> None:
            with self._told():
                try:
                    if answer is not None:
                        answered(answer)
                except (UsageError, CorrectionError) as error:
                    self._hint(explain(error))

        self._screen.app.push_screen(dialog, closed)


def _may_be_a_name(text: str) -> bool:
    return all(char.isalnum() or char in " ·-" for char in text)


def _is_plate(text: str) -> bool:
    try:
        parse_plate(text)
    except IdentityError:
        return False
    return True


def _registration(values: dict[str, str]) -> Registration:
    number = values["id_number"]
    is_known = bool(values["person_id"])
    if not number and not is_known:
        raise VisitError(N_("ID number: write it as on the document; whoever has none: -"))
    return Registration(
        name=values["name"],
        id_number="" if is_known or number.casefold() in _NO_DOCUMENT else parse_id_number(number),
        phone=parse_phone(values["phone"]) if values["phone"] else "",
        address=values["address"],
        origin=values["origin"],
        host=values["host"],
        purpose=values["purpose"],
        host_id=values["host_id"],
    )


def _about(registered: Registered) -> str:
    """Return what the guard should know of a registration; empty when it is as usual."""
    if not registered.is_sealed:
        return _("The numbers were checked and dropped: the office has given no key to seal to")
    if not registered.is_matched:
        return _("Sealed. Nobody is known again here: bring digest.key from the office")
    if registered.known_as is None:
        return ""
    name = mask_name(registered.known_as) or _("another gate")
    return _("Seen before: {name}").format(name=name)
