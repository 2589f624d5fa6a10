"""The screen of home isolation: cases with the checks that are due, readings, release."""

from collections.abc import Hashable, Sequence
from datetime import date

from passes.errors import N_
from passes.temperature import Finding
from station.bulk.values import parse_day
from station.dialogs.matter_form import Line, yes_no
from station.duty import health, quarantine
from station.duty.book import Matter, Place
from station.duty.quarantine import Case, Isolation
from station.i18n import _
from station.screens.duty.base import DutyScreen, Values
from station.widgets.paged_list import Column, ListRow


class IsolationScreen(DutyScreen):
    """Who stays at home, the newest orders first; after F4 only whose check is due."""

    NAME = "isolation"
    EMPTY = N_("Nobody stays at home, or no check is due. F5 = order somebody to stay at home; F4 = all, or due")

    def columns(self) -> Sequence[Column]:
        """Return the columns."""
        return [
            Column(_("Name"), 10, is_name=True),
            Column(_("Room")),
            Column(_("Stays until"), 11),
            Column(_("Next check"), 11),
            Column(_("Last check"), 22),
        ]

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - nothing is typed here
        """Return the cases behind one."""
        if self.shows_all:
            cases = [] if after else quarantine.due(self.book)[:limit]
        else:
            cases = quarantine.cases(self.book, behind=after if isinstance(after, Place) else None, limit=limit)
        self._cases = {case.place: case for case in cases}
        return [self._row(case) for case in cases]

    def opened(self, row: ListRow) -> None:
        """Show the order and the newest checks."""
        if case := self._case_of(row):
            order = case.order
            told = {
                _("Coming from"): order.origin,
                _("Responsible"): order.responsible,
                _("Letter signed"): _("yes") if order.letter_signed else _("no"),
                _("Checks"): str(health.plan_of(order)),
                _("Why"): order.reason or "",
                **{f"{self.at(check.at_ms)} {check.guard or ''}": self._told(check) for check in case.checks},
            }
            self.show_details(f"{case.address}  {_('Stays until')} {order.until or '-'}", told)

    def action_add(self) -> None:
        """Order somebody to stay at home."""
        self.fill_in(_("Stay at home"), _order_lines, self._order, _("Recorded"))

    def action_handle(self) -> None:
        """Write a check of the marked case down."""
        if case := self._case_of(self.list.marked):
            self.fill_in(
                _("Health check: {room}").format(room=case.address),
                _check_lines,
                lambda values: self._check(case, values),
                _("Recorded"),
            )
        else:
            self.nothing_marked()

    def action_close(self) -> None:
        """End the isolation of the marked case."""
        if case := self._case_of(self.list.marked):
            title, label = _("The isolation is over"), _("Why")
            self.ask_note(title, label, lambda note: quarantine.release(self.book, case.order, note), _("Released"))
        else:
            self.nothing_marked()

    def _case_of(self, row: ListRow | None) -> Case | None:
        return self._cases.get(row.key) if row and isinstance(row.key, Place) else None

    def _row(self, case: Case) -> ListRow:
        now_ms = self.book.clock.now_ms()
        is_due = case.due_ms is not None and case.due_ms <= now_ms
        is_here = case.matter.station == self.book.journal.station
        due = self.at(case.due_ms) if case.due_ms is not None else "-" if is_here else case.matter.station
        last = f"{self._told(case.checks[0])} {self.at(case.checks[0].at_ms)}" if case.checks else "-"
        cells = (case.name or _("household"), case.address, case.order.until or "-", due, last)
        return ListRow(case.place, cells, case.order.holder_id or "", is_loud=is_due)

    def _told(self, check: Matter) -> str:
        body = check.body
        if not body.reached:
            return _("not reached")
        is_fever = body.celsius is not None and self.station.gate.rule.judge(body.celsius) is Finding.FEVER
        parts = (
            _("FEVER") if is_fever else "",
            "" if body.celsius is None else f"{body.celsius:.1f}",
            *(body.symptoms, body.who),
        )
        return " ".join(filter(None, parts))

    def _order(self, values: Values) -> None:
        is_household = values["scope"] == "household"
        holder_id, household = quarantine.find_subject(self.book, values["who"], is_household=is_household)
        wanted = Isolation(
            holder_id=holder_id,
            household=household,
            since=_day(values["since"]),
            until=_day(values["until"]),
            letter_signed=bool(values["letter_signed"]),
            **{name: values[name] for name in ("origin", "responsible", "plan", "reason")},
        )
        quarantine.open_case(self.book, wanted)

    def _check(self, case: Case, values: Values) -> None:
        health.check(
            self.book,
            case.order,
            self.station.gate.rule,
            celsius=values["celsius"],
            symptoms=values["symptoms"],
            who=values["who"],
            at_the_door=values["how"] == "door",
            reached=bool(values["reached"]),
        )


def _day(typed: str) -> date | None:
    return parse_day(typed) if typed else None


def _order_lines(values: Values) -> list[Line]:
    scopes = (("holder", _("this person")), ("household", _("the whole household")))
    texts = {
        "since": _("From (day)"),
        "until": _("Until (day)"),
        "origin": _("Coming from"),
        "responsible": _("Responsible"),
        "plan": _("Checks (2h, 8:00)"),
        "reason": _("Why"),
    }
    return [
        Line("who", _("Pass or name, room"), values.get("who", "")),
        Line("scope", _("Who stays"), values.get("scope", ""), choices=scopes),
        *(Line(name, label, values.get(name, "")) for name, label in texts.items()),
        yes_no("letter_signed", _("Letter signed"), value=bool(values.get("letter_signed"))),
    ]


def _check_lines(values: Values) -> list[Line]:
    return [
        Line("celsius", _("Temperature in C"), values.get("celsius", "")),
        Line("symptoms", _("Symptoms"), values.get("symptoms", "")),
        Line("who", _("Of whom"), values.get("who", "")),
        Line("how", _("How"), values.get("how", ""), choices=(("remote", _("by phone")), ("door", _("at the door")))),
        yes_no("reached", _("Answered"), value=bool(values.get("reached", "yes"))),
    ]
