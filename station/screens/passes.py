"""The passes of the station: found, looked at, printed, suspended, ended, replaced."""

from collections.abc import Hashable, Sequence
from typing import cast

from textual import on
from textual.message import Message

from passes.errors import N_, GatepostError, UsageError
from passes.masking import mask_name
from passes.plaintext import plain
from passes.policy import State
from station import logbook, pass_book, wording
from station.assembly import open_station
from station.clock import local_time
from station.dialogs.form import Answer
from station.dialogs.pass_forms import change, change_form, layout_of, print_form
from station.dialogs.telling import TellDialog
from station.i18n import _, explain
from station.issuing import IssuingError
from station.pass_book import Place
from station.printing import print_to
from station.register import PassRow
from station.roster import Known
from station.screens.front_desk import FrontDesk
from station.screens.listing import ListScreen
from station.storage import storage_errors
from station.widgets.paged_list import Column, ListRow

_LAST_PASSAGES = 50


class PassesScreen(ListScreen):
    """Passes, the newest first; Enter on one tells its life and its passages."""

    NAME = "passes"
    SEARCH = N_("Pass number, name, pinyin, room")
    EMPTY = N_("No pass here. Ctrl+N = issue one, or many from a list: gatepost pass bulk FILE.xlsx --issue")

    class Printed(Message):
        """The printer's thread is done; `told` says with what, in the user's language."""

        def __init__(self, told: str) -> None:
            super().__init__()
            self.told = told

    _holder: Known | None = None
    _printer = ""

    def columns(self) -> Sequence[Column]:
        """Name them: number, holder, room, kind, last day, state."""
        return (
            Column(_("Number"), 13),
            Column(_("Name"), 10, is_name=True),
            Column(_("Room")),
            Column(_("Kind"), 10),
            Column(_("Valid until"), 11),
            Column(_("State"), 14),
        )

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:
        """Return those that are found, those of the person who was asked for, or all."""
        connection, register = self.station.journal.connection, self.station.register
        if self._holder and not wanted:
            found = pass_book.of_holder(connection, register, self._holder.person_id)[: 0 if after else None]
        elif wanted:
            found = pass_book.find(connection, register, wanted)[: 0 if after else None]
        else:
            found = pass_book.page(connection, register, cast("Place | None", after), limit)
        return [self._row(row) for row in found]

    def show(self) -> None:
        """Read the page again, and say whose passes these are."""
        super().show()
        whose = _("Passes of {name}").format(name=mask_name(self._holder.name)) if self._holder else _("Passes")
        self.title_is(whose)

    def receive(self, given: object) -> None:
        """Show the passes of one person."""
        if isinstance(given, Known):
            self._holder = given
            with self.told():
                self.list.restart()

    def opened(self, row: ListRow) -> None:
        """Tell the life of the marked pass, and who passed with it here."""
        found = self._of(row)
        if found:
            self.app.push_screen(TellDialog(*self._lines(found)))

    def action_issue(self) -> None:
        """Issue a pass."""
        with self.told():
            FrontDesk(self, self.station, self.host.lane, self.told, self.hint).issue()

    def action_print(self) -> None:
        """Ask where the marked pass is to be printed."""
        found = self._marked()
        if found:
            self.ask(print_form(found, self._printer or self.station.settings.printer.address), self._print)

    def action_change(self) -> None:
        """Ask what becomes of the marked pass."""
        found = self._marked()
        if found:
            self._ask_change(found, {})

    def _ask_change(self, row: PassRow, values: dict[str, str], trouble: str = "") -> None:
        def answered(answer: Answer) -> None:
            try:
                self.hint(change(self.station, row, answer.values))
            except (UsageError, IssuingError) as error:
                self._ask_change(row, answer.values, explain(error))

        self.ask(change_form(row, values, trouble), answered)

    def _print(self, answer: Answer) -> None:
        row, address = self._marked(), answer.values["printer"]
        layout = layout_of(answer.values["layout"])
        if row is None or not address:
            return
        self._printer = address
        self.hint(_("Printing {number}").format(number=row.number))
        folder, clock = self.station.folder, self.station.clock

        def printing() -> None:
            # A printer may keep anybody waiting but the gate; what comes out is recorded by a connection of its own.
            try:
                with open_station(folder, clock) as station, storage_errors(station.journal.path):
                    missing = print_to(station, [row], address, layout, lambda _count: None)
                told = _("Printed: {number}").format(number=row.number)
                lacks = _("not in any font: {characters}").format(characters="".join(missing)) if missing else ""
                self.post_message(self.Printed(f"{told}  {lacks}".rstrip()))
            except GatepostError as error:
                self.post_message(self.Printed(explain(error)))

        self.run_worker(printing, thread=True, exit_on_error=False, group="printing")

    @on(Printed)
    def _printed(self, message: Printed) -> None:
        with self.told():
            pass
        self.hint(message.told)

    def _marked(self) -> PassRow | None:
        return self._of(self.list.marked)

    def _of(self, row: ListRow | None) -> PassRow | None:
        return self.station.register.find_pass(row.key[1]) if row and isinstance(row.key, tuple) else None

    def _row(self, row: PassRow) -> ListRow:
        kind = self.station.register.rules().kind(row.kind, self.station.clock.now_ms())
        is_over = row.state is State.ACTIVE and row.valid_until < str(self.station.gate.today())
        state = _("expired") if is_over else wording.state(row.state, self._detail(row))
        label = _(kind.label) if kind else row.kind
        cells = (row.number, row.holder, row.address, label, row.valid_until, state)
        return ListRow(pass_book.place_of(row), cells, row.holder_id, is_loud=row.state is State.SUSPENDED)

    def _detail(self, row: PassRow) -> str | None:
        """Name another pass by its number: what replaced one is kept by its id."""
        other = self.station.register.find_pass(row.detail) if row.state is State.REPLACED and row.detail else None
        return other.number if other else row.detail

    def _lines(self, row: PassRow) -> tuple[str, list[str]]:
        station, zone = self.station, self.station.settings.zone
        lines = [
            f"{row.valid_from} - {row.valid_until}   {wording.state(row.state, self._detail(row))}",
            "",
            *(
                f"{local_time(step.at_ms, zone):%Y-%m-%d %H:%M}  {wording.pass_event(step.kind, step.detail)}"
                f"  ({plain(step.station, 20)})"
                for step in reversed(station.register.history(row.pass_id))
            ),
            "",
        ]
        passages = logbook.passages_of(station.journal.connection, row.pass_id)[-_LAST_PASSAGES:]
        for one in reversed(passages):
            way, outcome = _(wording.DIRECTIONS[one.body.direction]), _(wording.OUTCOMES[one.body.outcome])
            undone = _("taken back") if one.is_undone else wording.in_short(one.body.reasons)
            lines.append(f"{local_time(one.at_ms, zone):%Y-%m-%d %H:%M:%S}  {way}  {outcome}  {undone}".rstrip())
        if not passages:
            lines.append(_("No passage at this gate yet"))
        return f"{row.number}   {mask_name(row.holder)}   {plain(row.address, 40)}", lines
