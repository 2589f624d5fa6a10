"""The log: every passage of this gate, looked through by page, filter and search; one with all that is known of it."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import cast

from passes.errors import N_
from passes.masking import mask_name
from passes.reasons import Reason
from station import log_search, wording
from station.clock import local_time
from station.dialogs.form import Answer, FormDialog
from station.dialogs.log_forms import filter_form, filter_text, passage_lines, wanted_of
from station.dialogs.telling import TellDialog
from station.i18n import _
from station.log_search import Found, Wanted
from station.screens.listing import ListScreen
from station.widgets.paged_list import Column, ListRow


class LogScreen(ListScreen):
    """Passages, the newest first; Enter on one tells all its attempts and what was recorded around it."""

    NAME = "log"
    SEARCH = N_("Name, pinyin, pass number or plate")
    EMPTY = N_("No passage here: scan the first pass at the gate, or press F6 to filter otherwise")

    _filter: Wanted = Wanted()

    def columns(self) -> Sequence[Column]:
        """When, which way, who, from where, the reading, how it ended, why."""
        return (
            Column(_("Time"), 14),
            Column(_("Way"), 4),
            Column(_("Name"), 8, is_name=True),
            Column(_("Room"), 9),
            Column(_("Temp"), 4),
            Column(_("Outcome"), 11),
            Column(_("Why")),
        )

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:
        """Return a page of those that the filter and the search leave."""
        asked = replace(self._filter, text=wanted)
        before_n = cast("int | None", after)
        zone = self.station.settings.zone
        found = log_search.page(self.station.journal.connection, asked, before_n, limit, zone)
        return [self._row(one) for one in found]

    def show(self) -> None:
        """Read the page again, and say what is filtered."""
        super().show()
        said = filter_text(self._filter, self._kinds())
        self.title_is("  ".join([_("Log"), said]).rstrip())

    def opened(self, row: ListRow) -> None:
        """Tell all about the marked passage."""
        one = log_search.get(self.station.journal.connection, cast("int", row.key))
        if one:
            when = local_time(one.at_ms, self.station.settings.zone)
            who = mask_name(one.body.holder) if one.body.holder else _("(no pass)")
            self.app.push_screen(TellDialog(f"{when:%Y-%m-%d %H:%M:%S}   {who}", passage_lines(self.station, one)))

    def action_filter(self) -> None:
        """Ask what is looked for."""
        self._ask(filter_form(self._filter, self._kinds(), ""))

    def action_abnormal(self) -> None:
        """Show only what was not let through as usual, or everything again."""
        with self.told():
            self._filter = replace(self._filter, outcome=None if self._filter.outcome == "abnormal" else "abnormal")
            self.list.restart()

    def _ask(self, form: FormDialog) -> None:
        def answered(answer: Answer) -> None:
            self._filter = wanted_of(answer.values, self._kinds(), self.station.gate.today())
            self.list.restart()

        self.ask(form, answered)

    def _kinds(self) -> dict[str, str]:
        rules = self.station.register.rules().in_force(self.station.clock.now_ms())
        return {code: _(kind.label) for code, kind in rules.items()}

    def _row(self, one: Found) -> ListRow:
        body = one.body
        reading = wording.celsius_text(body.attempts[-1].celsius if body.attempts else None)
        why = wording.in_short(body.reasons) if body.outcome != "turned_back" else body.remark or ""
        when = local_time(one.at_ms, self.station.settings.zone)
        cells = (
            f"{when:%m-%d %H:%M:%S}",
            _(wording.DIRECTIONS[body.direction]),
            body.holder or _("(no pass)"),
            body.address or "",
            reading,
            _("taken back") if one.is_undone else _(wording.OUTCOMES[body.outcome]),
            why,
        )
        is_loud = body.outcome != "allowed" or Reason.FEVER in body.reasons
        return ListRow(one.n, cells, (body.holder_id or "") if body.holder else "", is_loud)
