"""The screen of what is only counted or noted: disinfected places, patrols, visits, letters."""

from collections.abc import Hashable, Sequence

from passes.errors import N_
from station.dialogs.matter_form import Line
from station.duty import efforts
from station.i18n import _
from station.screens.duty.base import DutyScreen, Values
from station.widgets.paged_list import Column, ListRow
from sync.duty_bodies import EFFORT_KINDS
from sync.duty_words import EFFORTS


class EffortsScreen(DutyScreen):
    """What was disinfected and counted, the newest first."""

    NAME = "efforts"
    EMPTY = N_("Nothing yet. F5 = a place was disinfected; F6 = count patrols, visits, letters")

    def columns(self) -> Sequence[Column]:
        """Return the columns."""
        return [Column(_("When"), 11), Column(_("What"), 26), Column(_("Count"), 7), Column(_("Remark"))]

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - nothing is typed here
        """Return what follows the one with this number."""
        behind = after if isinstance(after, int) else None
        rows = []
        for matter in self.book.page("disinfection", "effort", behind=behind, limit=limit):
            body = matter.body
            if matter.what == "effort":
                cells = (_(EFFORTS[body.what]), str(body.count), body.remark)
            else:
                cells = (_("Disinfection"), "", f"{body.place}  {body.agent}")
            rows.append(ListRow(matter.n, (self.at(matter.at_ms), *cells)))
        return rows

    def action_add(self) -> None:
        """Write down that a place was disinfected."""
        title = _("A place was disinfected")
        self.fill_in(title, _place, lambda values: efforts.disinfect(self.book, **values), _("Recorded"))

    def action_handle(self) -> None:
        """Count something for the daily report."""
        self.fill_in(_("Count for the daily report"), _count, self._count, _("Recorded"))

    def _count(self, values: Values) -> None:
        what = next(code for code in EFFORT_KINDS if code == values["what"])
        efforts.count(self.book, what, values["number"], values["remark"])


def _place(values: Values) -> list[Line]:
    return [
        Line("place", _("Place"), values.get("place", "")),
        Line("agent", _("Agent"), values.get("agent", "")),
    ]


def _count(values: Values) -> list[Line]:
    kinds = tuple((code, _(words)) for code, words in EFFORTS.items())
    return [
        Line("what", _("What"), values.get("what", ""), choices=kinds),
        Line("number", _("How many"), values.get("number", "")),
        Line("remark", _("Remark"), values.get("remark", "")),
    ]
