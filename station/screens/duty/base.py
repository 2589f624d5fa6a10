"""What the screens of duty share: lists of matters, forms that are asked again where something was wrong, details."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import ClassVar

from passes.errors import N_, UsageError
from passes.identity import IdentityError
from passes.plaintext import plain
from station.clock import local_time
from station.dialogs.details import DetailsDialog
from station.dialogs.form import Answer, FormDialog
from station.dialogs.matter_form import Line, MatterForm
from station.duty.book import DutyBook, DutyError, Matter
from station.folding_duty import CLOSED, HANDLED, OPEN
from station.i18n import _, explain
from station.issuing import IssuingError
from station.screens.listing import ListScreen
from station.screens.work import Host
from station.shifts import ShiftError
from station.widgets.paged_list import Column, ListRow

STATES = {OPEN: N_("open"), HANDLED: N_("handled"), CLOSED: N_("closed")}

Values = Mapping[str, str]


class DutyScreen(ListScreen):
    """A list; a subclass asks by `fill_in` and writes by the use cases of `station.duty`."""

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        self.book = DutyBook.of(self.station)
        self.shows_all = False

    def fill_in(
        self, title: str, lines: Callable[[Values], Sequence[Line]], do: Callable[[Values], object], told: str
    ) -> None:
        """Ask for lines, which are given what was answered before, and do it; where that is wrong, ask again.

        `told` is what is said when it is done; empty where `do` says it itself.
        """
        self.ask_until_done(lambda values, trouble: MatterForm(title, lines(values), trouble), do, told)

    def ask_until_done(
        self, make_form: Callable[[Values, str], FormDialog], do: Callable[[Values], object], told: str
    ) -> None:
        """Ask by a form that is made of what was answered before and what was wrong with it."""

        def ask(values: Values, trouble: str) -> None:
            self.ask(make_form(values, trouble), answered)

        def answered(answer: Answer) -> None:
            try:
                do(answer.values)
            except (UsageError, DutyError, IssuingError, ShiftError, IdentityError) as error:
                self.app.bell()
                ask(answer.values, explain(error))
            else:
                if told:
                    self.hint(told)

        ask({}, "")

    def ask_note(self, title: str, label: str, do: Callable[[str], object], told: str) -> None:
        """Ask for one line of words."""

        def line(values: Values) -> list[Line]:
            return [Line("note", label, values.get("note", ""))]

        self.fill_in(title, line, lambda values: do(values["note"]), told)

    def show_details(self, title: str, told: Mapping[str, str]) -> None:
        """Show what is known of something: labels and what stands behind them, without what is empty."""
        lines = [f"{label}: {plain(text, 500)}" for label, text in told.items() if text]
        self.app.push_screen(DetailsDialog(title, lines))

    def at(self, at_ms: int) -> str:
        """Return an instant as lists show it."""
        return f"{local_time(at_ms, self.book.zone):%m-%d %H:%M}"

    def nothing_marked(self) -> None:
        """Say that there is no line to do that with."""
        self.hint(_("There is no line here that this could be done with"))

    def action_all(self) -> None:
        """Show what is over too, or only what is open."""
        self.shows_all = not self.shows_all
        with self.told(quietly=True):
            self.list.restart()


class MatterScreen(DutyScreen):
    """A list of matters of the kind `WHAT`, open ones first to be seen; a subclass says what a row is."""

    WHAT: ClassVar[str]

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        self._matters: dict[int, Matter] = {}

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - nothing is typed here
        """Return the matters behind the one with this number."""
        behind = after if isinstance(after, int) else None
        found = self.book.page(self.WHAT, open_only=not self.shows_all, behind=behind, limit=limit)
        self._matters |= {matter.n or 0: matter for matter in found}
        return [
            ListRow(matter.n, (self.at(matter.at_ms), *self.cells(matter)), matter.id, is_loud=matter.is_open)
            for matter in found
        ]

    def columns(self) -> Sequence[Column]:
        """Return when it was, and the screen's own columns."""
        return [Column(_("When"), 11), *self.own_columns()]

    def own_columns(self) -> Sequence[Column]:
        """Return the columns behind the time."""
        raise NotImplementedError

    def cells(self, matter: Matter) -> tuple[str, ...]:
        """Return what stands in them."""
        raise NotImplementedError

    def matter_of(self, row: ListRow | None) -> Matter | None:
        """Return the matter that a row shows."""
        return self._matters.get(row.key) if row and isinstance(row.key, int) else None

    def open_one(self) -> Matter | None:
        """Return the marked matter when something is still to be done about it; say so where not."""
        matter = self.matter_of(self.list.marked)
        if matter is None or not matter.is_open:
            self.nothing_marked()
            return None
        return matter

    def steps_of(self, matter: Matter) -> dict[str, str]:
        """Return what was done about a matter, as details."""
        return {
            f"{self.at(step.at_ms)} {_(STATES[step.state])}": f"{step.note} ({plain(step.guard or '-', 40)})"
            for step in self.book.steps(matter.id)
        }
