"""Who is out too long, or in: residents who went out, visitors and vehicles that came in, by what their kind allows."""

from collections.abc import Hashable, Sequence

from passes.errors import N_
from passes.masking import mask_plate
from passes.plaintext import plain
from station import open_trips, wording
from station.clock import local_time
from station.i18n import _
from station.open_trips import Open
from station.screens.listing import ListScreen
from station.widgets.paged_list import Column, ListRow


class OverdueScreen(ListScreen):
    """Open trips, those that are longest overdue first."""

    NAME = "overdue"
    EMPTY = N_("Nobody is overdue. F6 = everybody who is out, or in, now")

    _is_everybody = False

    def columns(self) -> Sequence[Column]:
        """Who, which kind, which way and since when, for how long too long."""
        return (
            Column(_("Name"), 12, is_name=True),
            Column(_("Room")),
            Column(_("Kind"), 10),
            Column(_("Way"), 4),
            Column(_("Since when"), 11),
            Column(_("Gate"), 10),
            Column(_("Late"), 9),
        )

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - no search
        """Return those who are overdue, or everybody who is out or in, after the line `after`."""
        now_ms = self._now_ms()
        trips = open_trips.open_trips(self.station.journal.connection, self.station.register, now_ms)
        shown = trips if self._is_everybody else open_trips.overdue(trips, now_ms)
        lines = [one.line for one in shown]
        start = lines.index(str(after)) + 1 if after in lines else 0
        return [self._row(one, now_ms) for one in shown[start : start + limit]]

    def show(self) -> None:
        """Read the page again, and say how many there are."""
        super().show()
        self.title_is(_("Everybody who is out, or in") if self._is_everybody else _("Overdue"))

    def empty(self) -> str:
        """Say that nobody is out, or that nobody is overdue."""
        return _("Nobody is out, and nobody is in") if self._is_everybody else _(self.EMPTY)

    def action_everybody(self) -> None:
        """Show everybody who is out or in, or only those who are overdue."""
        with self.told():
            self._is_everybody = not self._is_everybody
            self.list.restart()

    def _now_ms(self) -> int:
        return self.station.clock.now_ms() - (self.station.journal.drift_ms or 0)

    def _row(self, one: Open, now_ms: int) -> ListRow:
        kind = self.station.register.rules().kind(one.kind, now_ms) if one.kind else None
        since = local_time(one.since_ms, self.station.settings.zone)
        late = one.minutes_over(now_ms)
        who = one.name or (mask_plate(one.plate) if one.plate else _("(another gate)"))
        cells = (
            who,
            mask_plate(one.plate) if one.plate else one.address,
            _(kind.label) if kind else plain(one.kind or "", 20),
            _(wording.DIRECTIONS[one.direction]),
            f"{since:%m-%d %H:%M}",
            one.station,
            _("{minutes} min").format(minutes=late) if late > 0 else "",
        )
        return ListRow(one.line, cells, one.person_id if one.name else "", is_loud=late > 0)
