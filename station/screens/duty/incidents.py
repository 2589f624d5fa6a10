"""The incidents screen: reported, handled, closed; a pass destroyed and its holder banned in one go."""

from collections.abc import Sequence

from passes.errors import N_
from station.dialogs.matter_form import Line, yes_no
from station.duty import incidents
from station.duty.book import Matter
from station.duty.incidents import Report
from station.i18n import _
from station.screens.duty.base import STATES, MatterScreen, Values
from station.widgets.paged_list import Column, ListRow
from sync.duty_bodies import INCIDENT_KINDS
from sync.duty_words import INCIDENTS


class IncidentsScreen(MatterScreen):
    """What happened at the gate, the newest first."""

    NAME = "incidents"
    WHAT = "incident"
    EMPTY = N_("No open incident. F5 = report one; F4 = show those that are over")

    def own_columns(self) -> Sequence[Column]:
        """Return the columns behind the time."""
        return [Column(_("What"), 12), Column(_("State"), 8), Column(_("Who"), 10, is_name=True), Column(_("Account"))]

    def cells(self, matter: Matter) -> tuple[str, ...]:
        """Return what stands in them."""
        body = matter.body
        return _(INCIDENTS[body.what]), _(STATES[matter.state]), " ".join(body.people), body.account

    def opened(self, row: ListRow) -> None:
        """Show the whole account and what was done."""
        matter = self.matter_of(row)
        if matter:
            body = matter.body
            told = {_("What happened"): body.account, _("Pass number"): body.pass_number or ""}
            title = f"{self.at(matter.at_ms)}  {_(INCIDENTS[body.what])}  {_(STATES[matter.state])}"
            self.show_details(title, {**told, **self.steps_of(matter)})

    def action_add(self) -> None:
        """Report an incident."""
        self.fill_in(_("Report an incident"), _lines, self._report, _("Recorded"))

    def action_handle(self) -> None:
        """Write what was done about the marked incident."""
        if matter := self.open_one():
            title, label = _("What was done about it"), _("Measures")
            self.ask_note(title, label, lambda note: incidents.handle(self.book, matter.id, note), _("Recorded"))

    def action_close(self) -> None:
        """Write that the marked incident is over."""
        if matter := self.open_one():
            title, label = _("The incident is over"), _("How it ended")
            self.ask_note(title, label, lambda note: incidents.close(self.book, matter.id, note), _("Closed"))

    def _report(self, values: Values) -> None:
        people = tuple(values["people"].replace("、", " ").replace(",", " ").replace("，", " ").split())
        what = next(code for code in INCIDENT_KINDS if code == values["what"])
        said = Report(
            what,
            values["account"],
            people,
            values["number"],
            destroy=bool(values["destroy"]),
            witness=values["witness"],
            ban=bool(values["ban"]),
        )
        incidents.report(self.book, said)


def _lines(values: Values) -> list[Line]:
    kinds = tuple((code, _(words)) for code, words in INCIDENTS.items())
    return [
        Line("what", _("What"), values.get("what", ""), choices=kinds),
        Line("account", _("What happened"), values.get("account", "")),
        Line("people", _("Who (names)"), values.get("people", "")),
        Line("number", _("Pass number"), values.get("number", "")),
        yes_no("destroy", _("Destroy the pass"), value=bool(values.get("destroy"))),
        Line("witness", _("Witness"), values.get("witness", "")),
        yes_no("ban", _("Ban the holder"), value=bool(values.get("ban"))),
    ]
