"""The errands screen: what households that cannot leave home need, and who sees to it."""

from collections.abc import Sequence

from passes.errors import N_
from station.dialogs.matter_form import Line
from station.duty import errands
from station.duty.book import Matter
from station.i18n import _
from station.screens.duty.base import MatterScreen, Values
from station.widgets.paged_list import Column, ListRow


class ErrandsScreen(MatterScreen):
    """What is to be done for households, the newest first."""

    NAME = "errands"
    WHAT = "errand"
    EMPTY = N_("No errand is open. F5 = write one down; F4 = show those that are done")

    def own_columns(self) -> Sequence[Column]:
        """Return the columns behind the time."""
        return [
            Column(_("Room"), 9),
            Column(_("What is needed")),
            Column(_("For whom"), 8, is_name=True),
            Column(_("Who does it"), 11),
            Column(_("By when"), 8),
        ]

    def cells(self, matter: Matter) -> tuple[str, ...]:
        """Return what stands in them."""
        body = matter.body
        return body.address, body.wanted, body.name, body.assignee, body.due if matter.is_open else _("done")

    def opened(self, row: ListRow) -> None:
        """Show all of it, and how it ended."""
        matter = self.matter_of(row)
        if matter:
            body = matter.body
            told = {_("What is needed"): body.wanted, _("Who does it"): body.assignee, _("By when"): body.due}
            self.show_details(f"{self.at(matter.at_ms)}  {body.address}", {**told, **self.steps_of(matter)})

    def action_add(self) -> None:
        """Write down what a household needs."""
        self.fill_in(_("An errand"), _lines, lambda values: errands.add(self.book, **values), _("Recorded"))

    def action_close(self) -> None:
        """Write that the marked errand was done."""
        if matter := self.open_one():
            title, label = _("The errand is done"), _("What was done")
            self.ask_note(title, label, lambda note: errands.done(self.book, matter.id, note), _("Closed"))


def _lines(values: Values) -> list[Line]:
    labels = {
        "wanted": _("What is needed"),
        "address": _("Room"),
        "name": _("For whom"),
        "assignee": _("Who does it"),
        "due": _("By when"),
    }
    return [Line(name, label, values.get(name, "")) for name, label in labels.items()]
