"""The inspections screen: what inspectors looked at and found, and that it was put right."""

from collections.abc import Sequence

from passes.errors import N_
from station.dialogs.matter_form import Line, yes_no
from station.duty import inspections
from station.duty.book import Matter
from station.i18n import _
from station.screens.duty.base import STATES, MatterScreen, Values
from station.widgets.paged_list import Column, ListRow
from sync.duty_words import POINTS


class InspectionsScreen(MatterScreen):
    """Inspections of this post, the newest first."""

    NAME = "inspections"
    WHAT = "inspection"
    EMPTY = N_("No finding is open. F5 = write an inspection down; F4 = show all of them")

    def own_columns(self) -> Sequence[Column]:
        """Return the columns behind the time."""
        return [Column(_("Inspector"), 12, is_name=True), Column(_("State"), 8), Column(_("Finding"))]

    def cells(self, matter: Matter) -> tuple[str, ...]:
        """Return what stands in them."""
        body = matter.body
        return body.inspector, _(STATES[matter.state]), body.finding or _("all in order")

    def opened(self, row: ListRow) -> None:
        """Show every point, and how the finding was put right."""
        matter = self.matter_of(row)
        if matter:
            body = matter.body
            points = {_(words): _("yes") if getattr(body, point) else _("no") for point, words in POINTS.items()}
            title = f"{self.at(matter.at_ms)}  {_(STATES[matter.state])}"
            self.show_details(title, {**points, _("Finding"): body.finding, **self.steps_of(matter)})

    def action_add(self) -> None:
        """Write an inspection down."""
        self.fill_in(_("An inspection of this post"), _lines, self._record, _("Recorded"))

    def action_close(self) -> None:
        """Write that the marked finding was put right."""
        if matter := self.open_one():
            title, label = _("The finding was put right"), _("What was done")
            self.ask_note(title, label, lambda note: inspections.rectify(self.book, matter.id, note), _("Closed"))

    def _record(self, values: Values) -> None:
        in_order = [point for point in POINTS if values[point]]
        inspections.record(self.book, inspector=values["inspector"], in_order=in_order, finding=values["finding"])


def _lines(values: Values) -> list[Line]:
    return [
        Line("inspector", _("Inspector"), values.get("inspector", "")),
        *(yes_no(point, _(words), value=bool(values.get(point, "yes"))) for point, words in POINTS.items()),
        Line("finding", _("Finding"), values.get("finding", "")),
    ]
