"""The questions about whoever stands at the gate: why they are not let through, their temperature, corrections."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from textual.screen import ModalScreen

from passes.errors import N_, UsageError
from passes.masking import mask_name
from passes.number import parse_number
from passes.plaintext import plain
from passes.temperature import parse_celsius
from passes.trips import Direction
from station import corrections, wording
from station.access import Member, Role
from station.assembly import Station
from station.dialogs.choices import Choice, ChoiceDialog
from station.dialogs.form import Answer
from station.dialogs.gate_forms import (
    followed_form,
    instant_of,
    missed_form,
    override_form,
    reading_form,
    site_of,
    turn_back_form,
    turned_back_reason,
    undo_form,
    way_of,
)
from station.i18n import _, explain
from station.lane import Lane
from station.scan_states import can_be_overruled, is_feverish, is_on_the_other_side
from sync.bodies import PassageFollowed

_Given = TypeVar("_Given")
_RESTER_KEYS = ("f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9")


class Asking(Protocol):
    """Opens a dialog, and does what was answered before anybody who was scanned meanwhile is called."""

    def __call__(self, dialog: ModalScreen[_Given | None], answered: Callable[[_Given], None], /) -> None:
        """Ask."""
        ...


class LaneDesk:
    """What can be done about whoever stands at one gate, beside recording them.

    `prove` asks who is responsible (`station.screens.proving`), `hint` says one line.
    """

    def __init__(
        self,
        station: Station,
        lane: Lane,
        ask: Asking,
        prove: Callable[[str, Role, Callable[[Member], None]], None],
        hint: Callable[[str], None],
    ) -> None:
        self._station = station
        self._lane = lane
        self._ask = ask
        self._prove = prove
        self._hint = hint

    def outcomes(self) -> None:
        """Ask what becomes of whoever stands here: turned back, or what else can be done."""
        if self._lane.is_pending:
            person = self._lane.current.person if self._lane.current else None
            more = {"f3": _("no ID card")} if person and person.kind.id_check else {}
            self._ask(turn_back_form({**more, "f4": _("missed passage")}, self._told()), self._turned_back)
            return
        choices = self._choices()
        if choices:
            self._ask(ChoiceDialog(_("What becomes of it"), choices, self._told()), self._chosen)
        else:
            self._hint(_("Nobody is waiting here; scan a pass first"))

    def reading(self) -> None:
        """Ask for a typed temperature, a reason for none, or another measurement; else who of the resting is back."""
        lane, current = self._lane, self._lane.current
        if not lane.is_pending and not (current and is_feverish(current)) and lane.resting():
            self._ask_resting()
            return
        is_low = current is not None and len(current.attempts) > current.carried and current.verdict.needs_reading
        self._ask(reading_form(lane.sight.site, is_low=is_low), self._reading_answered)

    def undo(self) -> None:
        """Ask why the last recorded passage is taken back."""
        self._ask(undo_form(), self._undone)

    def _told(self) -> list[str]:
        """Return every reason with what to do, for above the question."""
        current = self._lane.current
        told = wording.counsel(current, self._station.settings.zone) if current and not current.again else []
        return [f"  {line}" if number % 2 else line for number, line in enumerate(told)]

    def _choices(self) -> list[Choice]:
        current, choices = self._lane.current, []
        if current and is_feverish(current):
            choices += [
                Choice("held", "f2", _("Held here, away from the others (fever)")),
                Choice("reported", "f3", _("Reported to the office (fever)")),
            ]
        if current and is_on_the_other_side(current):
            choices.append(Choice("other_way", "f7", _("They are coming the other way")))
        choices.append(Choice("missed", "f4", _("Write down a passage that nobody recorded")))
        if current and can_be_overruled(current):
            choices.append(Choice("override", "f5", _("The lead lets this person through")))
        if self._lane.resting():
            choices.append(Choice("resting", "f8", _("Go on with somebody who has rested")))
        return choices

    def _chosen(self, name: str) -> None:
        if name == "missed":
            self._ask_missed()
        elif name == "override":
            self._ask(override_form(self._told()), self._overridden)
        elif name == "other_way":
            self._lane.turn_direction()
        elif name == "resting":
            self._ask_resting()
        else:
            title = _("Held here (fever)") if name == "held" else _("Reported to the office (fever)")
            self._ask(followed_form(title), lambda answer: self._followed(name, answer))

    def _turned_back(self, answer: Answer) -> None:
        if answer.key == "f3":
            self._lane.refuse_id()
        elif answer.key == "f4":
            self._ask_missed()
        elif answer.other:
            self._lane.drop()
        else:
            self._lane.turn_back(turned_back_reason(answer.values["remark"]))

    def _followed(self, step: str, answer: Answer) -> None:
        current = self._lane.current
        if current is None or current.recorded is None or step not in ("held", "reported"):
            return
        station = self._station
        body = PassageFollowed(
            passage_id=current.recorded.id,
            step="held" if step == "held" else "reported",
            pass_id=current.person.pass_id if current.person else None,
            remark=answer.values["remark"] or None,
        )
        with station.journal.writing():
            station.register.record(body, station.clock.now_ms())
        self._hint(_("Recorded: held here") if step == "held" else _("Recorded: reported to the office"))

    def _overridden(self, answer: Answer) -> None:
        reason = answer.values["reason"]
        if not reason:
            self._ask(override_form(self._told()), self._overridden)
            return
        self._prove(
            _("The lead lets this person through"), Role.LEAD, lambda lead: self._let_through(lead.name, reason)
        )

    def _let_through(self, lead: str, reason: str) -> None:
        if not self._lane.override(lead=lead, reason=reason):
            self._hint(_("On the lead's word: do what the panel asks for, then Enter"))

    def _ask_missed(self, values: dict[str, str] | None = None, trouble: str = "") -> None:
        person = self._lane.current.person if self._lane.current else None
        # Who is already out came in unseen, and the other way round.
        way = "2" if self._lane.direction is Direction.ENTRY else "1"
        begun = {"number": person.number if person else "", "way": way, "time": "", "reason": _("nobody scanned")}
        self._ask(missed_form(values or begun, trouble), self._missed)

    def _missed(self, answer: Answer) -> None:
        station, values = self._station, answer.values
        try:
            pass_id, kind_code = self._whose(values["number"])
            kind = station.register.rules().kind_or_first(kind_code, station.clock.now_ms())
            first_leg, way = kind.first_leg if kind else Direction.EXIT, way_of(values["way"])
            corrections.record_missed(
                station.journal,
                station.register,
                station.clock,
                pass_id,
                direction=way,
                first_leg=first_leg,
                happened_ms=self._happened_ms(values["time"], is_return=way is not first_leg),
                reason=values["reason"],
            )
        except UsageError as error:
            self._ask_missed(values, explain(error))
            return
        self._lane.look_again(pass_id)
        self._hint(_("Written down"))

    def _happened_ms(self, typed: str, *, is_return: bool) -> int:
        """Return the instant meant by a minute: its beginning, or for a return its end, behind the way out."""
        now_ms = self._station.clock.now_ms() - (self._station.journal.drift_ms or 0)
        begins_ms = instant_of(typed, now_ms, self._station.settings.zone)
        return max(begins_ms, min(begins_ms + 59_999, now_ms)) if is_return else begins_ms

    def _whose(self, typed: str) -> tuple[str, str]:
        """Return pass and kind of a typed number; of the visitor who stands here where there is none."""
        person = self._lane.current.person if self._lane.current else None
        if not typed and person and person.visit:
            return person.pass_id, person.kind.code
        number = parse_number(typed)
        row = self._station.register.find_number(number) if number else None
        if row is None:
            raise UsageError(N_('number "{typed}": no pass of this number is known here'), typed=plain(typed, 20))
        return row.pass_id, row.kind

    def _ask_resting(self) -> None:
        now_ms = self._station.clock.now_ms()
        resting = self._lane.resting()
        choices = [
            Choice(one.pass_id, key, f"{mask_name(one.body.holder or '')}  {wording.rest(ends_ms, now_ms)}")
            for key, (one, ends_ms) in zip(_RESTER_KEYS, resting, strict=False)
        ]
        self._ask(ChoiceDialog(_("Who is back from resting"), choices), self._came_back)

    def _came_back(self, pass_id: str) -> None:
        found = next((one for one, _ends_ms in self._lane.resting() if one.pass_id == pass_id), None)
        if found:
            self._lane.come_back(found)

    def _undone(self, answer: Answer) -> None:
        self._lane.undo(answer.values["reason"])
        self._hint(_("The last passage was taken back"))

    def _reading_answered(self, answer: Answer) -> None:
        celsius, reason = answer.values["celsius"], answer.values["reason"]
        site = site_of(answer.values["site"])
        is_elsewhere = site != self._lane.sight.site
        if is_elsewhere:
            self._lane.choose_site(site)
        if answer.other or (is_elsewhere and not celsius):
            self._lane.sight.measure_again()
        elif celsius:
            self._lane.type_reading(parse_celsius(celsius), reason or "-")
        else:
            self._lane.skip_reading(reason or "-")
