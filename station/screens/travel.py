"""Records on their way: what is unsent and since when, what was set aside and why, conflicts, and who was heard of."""

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

from passes.errors import N_, GatepostError
from passes.plaintext import plain
from station.bundles import Carrier, Exported, carrier_of, export_to
from station.clock import local_time
from station.dialogs.form import Answer, Field, FormDialog
from station.i18n import _, explain
from station.screens.listing import ListScreen
from station.screens.messages import JournalGrew
from station.travel import Travel, alarms, look
from station.widgets.paged_list import Column, ListRow

_STATES = {"fork": N_("number used twice"), "quarantined": N_("not understood")}
_RULES = {"already_out": N_("out twice"), "already_in": N_("in twice"), "over_limit": N_("too many trips")}


class TravelScreen(ListScreen):
    """What is amiss stands first, then what the office set aside, open conflicts, and how far each gate was heard."""

    NAME = "travel"
    EMPTY = N_("Nothing is amiss, and no other gate has been heard of yet.")

    def columns(self) -> Sequence[Column]:
        """Return what it is, when, and the sentence about it."""
        return (Column(_("What"), 14), Column(_("When"), 11), Column(_("Detail")))

    def show(self) -> None:
        """Read everything anew, and say in the title what is unsent."""
        backlog = self.station.outbox.backlog()
        oldest = self._when(backlog.oldest_ms)
        self.title_is(
            _("Records on their way: {count} unsent, the oldest {oldest}").format(
                count=backlog.pending, oldest=oldest or "-"
            )
        )
        super().show()

    def rows(self, _wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:
        """Return the rows from the number `after` on."""
        start = 0 if after is None else int(str(after)) + 1
        rows = [ListRow(n, *row) for n, row in enumerate(self._all())]
        return rows[start : start + limit]

    def _all(self) -> Iterator[tuple[tuple[str, ...], str, bool]]:
        travel = look(self.station)
        for alarm in alarms(self.station.journal.connection, self.station.clock.now_ms(), self.station.settings.zone):
            yield (_("amiss"), "", explain(alarm)), "", True
        yield from self._told(travel)

    def _told(self, travel: Travel) -> Iterator[tuple[tuple[str, ...], str, bool]]:
        for one in travel.set_aside:
            yield (_(_STATES[one.status]), self._when(one.at_ms), f"{one.kind} {plain(one.reason, 200)}"), "", True
        for conflict in travel.conflicts:
            stations = " / ".join(plain(station) for station in conflict.stations)
            rule = _(_RULES.get(conflict.rule, conflict.rule))
            yield (_("conflict"), self._when(conflict.found_ms), f"{rule} {stations}"), "", True
        for head in travel.heads:
            reached = _("reaches to {seq}").format(seq=head.seq)
            yield (plain(head.station), self._when(head.contact_ms), reached), "", False

    def _when(self, at_ms: int | None) -> str:
        return "" if at_ms is None else f"{local_time(at_ms, self.station.settings.zone):%m-%d %H:%M}"

    def action_send(self) -> None:
        """Wake the courier."""
        self.post_message(JournalGrew())
        self.hint(_("Sending; what has an answer leaves this list"))

    def action_bundle(self) -> None:
        """Ask where the stick is, then write to it beside the gate."""
        form = FormDialog(_("Write to a USB stick"), [Field("path", _("Folder of the stick"))])
        self.ask(form, self._write)

    def _write(self, answer: Answer) -> None:
        path, carrier = Path(answer.values["path"]).expanduser(), carrier_of(self.station)
        self.hint(_("Writing to {path}; the gate goes on meanwhile").format(path=plain(str(path), 200)))
        self.run_worker(lambda: self._export(carrier, path), thread=True, exit_on_error=False)

    def _export(self, carrier: Carrier, path: Path) -> None:
        """Write on a thread of its own, and tell the screen what came of it."""
        try:
            done: Exported | GatepostError = export_to(carrier, path)
        except GatepostError as error:
            done = error
        self.app.call_from_thread(self._exported, done)

    def _exported(self, done: Exported | GatepostError) -> None:
        if isinstance(done, GatepostError):
            self.hint(explain(done))
            self.app.bell()
            return
        self.hint(
            _("On the stick: {count} records in {files} files; in the office: gatepost community import").format(
                count=done.events + done.there_before, files=len(done.files)
            )
        )
