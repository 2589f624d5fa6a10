"""The roster: who lives here, found as you type, household by household; added and corrected."""

from collections.abc import Hashable, Sequence
from typing import cast

from passes.errors import N_
from passes.identity import IdentityError
from passes.masking import mask_name, mask_plate
from passes.plaintext import plain
from station import registering, roster
from station.bulk.values import RowError
from station.dialogs.form import Answer
from station.dialogs.roster_form import entry_of, roster_form, values_of
from station.dialogs.rows import RowsDialog
from station.i18n import _, explain
from station.registering import RosterError
from station.roster import Known
from station.screens.listing import ListScreen
from station.unmasking import unmask
from station.widgets.paged_list import Column, ListRow


class RosterScreen(ListScreen):
    """People and their households; Enter on a person shows the household, Esc goes back to all."""

    NAME = "roster"
    SEARCH = N_("Name, pinyin, initials, room, end of a phone or ID number, plate")
    EMPTY = N_("Nobody here. F6 = add somebody, or import a list: gatepost roster import FILE.xlsx")

    _household = ""

    def columns(self) -> Sequence[Column]:
        """Name, room, what they are to the household, what a guard should know, the ends of numbers."""
        return (
            Column(_("Name"), 12, is_name=True),
            Column(_("Room")),
            Column(_("Role"), 9),
            Column(_("Flags"), 20),
            Column(_("ID end"), 6),
            Column(_("Phone end"), 9),
        )

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:
        """Return those who are found, the members of the household that is open, or everybody."""
        connection = self.station.journal.connection
        if self._household:
            found = roster.members(connection, self._household)[: 0 if after else None]
        elif wanted:
            found = roster.find(connection, wanted)[: 0 if after else None]
        else:
            found = roster.page(connection, cast("tuple[str, str, str] | None", after), limit)
        return [_row(person) for person in found]

    def opened(self, row: ListRow) -> None:
        """Show the household of the marked person."""
        person = self._person(row)
        if person and person.household and not self._household:
            self._household = person.household
            self.list.restart()
            self.list.mark(row.key)

    def show(self) -> None:
        """Read the page again, and say whose household this is."""
        super().show()
        home = roster.get_household(self.station.journal.connection, self._household) if self._household else None
        if home is None:
            self.title_is(_("Roster"))
            return
        plates = [mask_plate(plate) for plate in home.plates]
        parts = [plain(part, 30) for part in (home.compound, home.address, home.grid) if part]
        self.title_is(_("Household: {what}").format(what="  ".join([*parts, *plates])))

    def receive(self, given: object) -> None:
        """Take what somebody is to be looked for by."""
        self.query_one("#find").value = str(given)  # type: ignore[attr-defined] # an Input, as `ListScreen` lays out

    def action_leave(self) -> None:
        """Go back from a household to everybody, then to where the screen was opened from."""
        if not self._household:
            super().action_leave()
            return
        with self.told():
            self._household = ""
            self.list.restart()

    def action_passes(self) -> None:
        """Show the passes of the marked person."""
        person = self._marked()
        if person:
            self.host.open_screen("passes", person)

    def action_add(self) -> None:
        """Ask who is to be added, to the household of the marked person to begin with."""
        person = self._marked()
        household = person.household if person and self._household else ""
        self._ask(values_of(self.station, None, household), None)

    def action_correct(self) -> None:
        """Ask what is to be corrected; the form shows the name, which is recorded."""
        person = self._marked()
        if person:
            with self.told():
                unmask(self.station, person.person_id, self.NAME)
                self._ask(values_of(self.station, person, person.household), person)

    def _ask(self, values: dict[str, str], person: Known | None, trouble: str = "") -> None:
        dialog = RowsDialog(roster_form(values, self.station.gate.today(), trouble, is_new=person is None))

        def answered(answer: Answer) -> None:
            try:
                entry = entry_of(self.station, answer.values, person)
                known = registering.register(self.station, entry, person.person_id if person else None)
            except (RosterError, RowError, IdentityError) as error:
                self._ask(answer.values, person, explain(error))
                return
            self.hint(_("Recorded: {name}, {room}").format(name=mask_name(known.name), room=plain(known.address, 40)))

        self.ask(dialog, answered)

    def _marked(self) -> Known | None:
        return self._person(self.list.marked)

    def _person(self, row: ListRow | None) -> Known | None:
        return roster.get(self.station.journal.connection, row.subject) if row else None


def _row(person: Known) -> ListRow:
    role = _(roster.ROLES[person.role]) if person.role in roster.ROLES else plain(person.role, 12)
    flags = " ".join(_(roster.FLAGS[flag]) if flag in roster.FLAGS else plain(flag, 12) for flag in person.flags)
    cells = (person.name, person.address, role, flags, person.id_tail, person.phone_tail)
    return ListRow(roster.place_of(person), cells, person.person_id, is_loud="moved_out" in person.flags)
