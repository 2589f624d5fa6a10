"""The watch list's screen: who stands on it, lists read in from a spreadsheet, and who comes off it."""

import asyncio
from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path

from textual.worker import Worker

from passes.errors import N_, UsageError
from passes.identity import parse_id_number, parse_phone
from station.dialogs.form import Field
from station.dialogs.matter_form import Line
from station.dialogs.rows import PARSERS, RowsDialog, RowsForm
from station.duty import watch
from station.duty.book import Place, Standing
from station.duty.watch import Listing
from station.duty.watch_import import Plan, Taken, read_list, take
from station.i18n import _, explain
from station.screens.duty.base import DutyScreen, Values
from station.screens.messages import JournalGrew
from station.widgets.paged_list import Column, ListRow


class WatchScreen(DutyScreen):
    """Who stands on the watch list, the newest first."""

    NAME = "watch"
    EMPTY = N_("Nobody is on the watch list. F6 = read a list in (CSV or XLSX); F5 = write one person down")

    _import: Worker[None] | None = None

    def columns(self) -> Sequence[Column]:
        """Return the columns."""
        return [
            Column(_("Name"), 10, is_name=True),
            Column(_("Home address")),
            Column(_("Why"), 18),
            Column(_("Whose list"), 10),
            Column(_("Listed on"), 11),
        ]

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - nothing is typed here
        """Return the entries behind one."""
        found = watch.listed(self.book, behind=after if isinstance(after, Place) else None, limit=limit)
        self._entries = {one.place: one for one in found}
        return [self._row(one) for one in found]

    def action_add(self) -> None:
        """Write one person down."""
        today = self.book.today()
        self.ask_until_done(lambda values, trouble: _form(values, trouble, today), self._add, _("Recorded"))

    def action_handle(self) -> None:
        """Ask for the file of a list, and read it in."""

        def lines(values: Values) -> list[Line]:
            return [
                Line("path", _("File (CSV or XLSX)"), values.get("path", "")),
                Line("source", _("Whose list"), values.get("source", "")),
            ]

        self.fill_in(_("Read a list in"), lines, self._read, "")

    def action_close(self) -> None:
        """Take the marked person off the list."""
        row = self.list.marked
        entry = self._entries.get(row.key) if row and isinstance(row.key, Place) else None
        if entry is None:
            self.nothing_marked()
            return
        order = entry.matter.body
        title, label = _("Off the watch list"), _("Why")
        self.ask_note(title, label, lambda note: watch.clear(self.book, order, note), _("Cleared"))

    def action_leave(self) -> None:
        """Stop reading a list in; otherwise go back."""
        if self._import is not None and self._import.is_running:
            self._import.cancel()
        else:
            super().action_leave()

    def _row(self, one: Standing) -> ListRow:
        order = one.matter.body
        cells = (order.name or one.name, order.address or one.address, order.reason or "", order.source)
        subject = order.holder_id or order.household or ""
        return ListRow(one.place, (*cells, self.at(one.matter.at_ms)), subject)

    def _add(self, values: Values) -> None:
        numbers = {
            name: parse(values[name]) if values[name] else ""
            for name, parse in (("id_number", parse_id_number), ("phone", parse_phone))
        }
        texts = {name: values[name] for name in ("name", "address", "reason", "source")}
        watch.add(self.book, self.station.sealer(), Listing(**texts, **numbers))

    def _read(self, values: Values) -> None:
        try:
            plan = read_list(Path(values["path"]).expanduser(), values["source"])
        except OSError as error:
            raise UsageError(
                N_("{path}: cannot be read ({why}); look at its name"), path=values["path"], why=error.strerror or error
            ) from error
        self._import = self.run_worker(self._take(plan), exclusive=True)

    async def _take(self, plan: Plan) -> None:
        """Take the list row by row, leaving time for keys between two; everything taken stays when it is stopped."""
        done = Taken()
        with self.told(quietly=True):
            for done in take(plan, self.book, self.station.sealer()):
                self.hint(
                    _("{done} of {all} read in   Esc = stop").format(done=done.new + done.known, all=len(plan.good))
                )
                await asyncio.sleep(0)
            said = _("{new} new on the list, {known} stood there already, {bad} bad rows: {first}")
            first = explain(plan.problems[0].error) if plan.problems else "-"
            bad = len({problem.row for problem in plan.problems})
            self.hint(said.format(new=done.new, known=done.known, bad=bad, first=first))
        self.list.restart()
        self.post_message(JournalGrew())


def _form(values: Values, trouble: str, today: date) -> RowsDialog:
    labels = {
        "name": _("Name"),
        "id_number": _("ID number"),
        "address": _("Home address"),
        "phone": _("Phone"),
        "reason": _("Why"),
        "source": _("Whose list"),
    }
    fields = [Field(name, label, "" if name in PARSERS else values.get(name, "")) for name, label in labels.items()]
    numbers = {name: values[name] for name in PARSERS if values.get(name)}
    return RowsDialog(RowsForm(_("Onto the watch list"), tuple(fields), today, trouble, numbers=numbers))
