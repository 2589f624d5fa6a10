"""The staff screen: who works here, what they may do, and their PINs."""

from collections.abc import Callable, Hashable, Sequence

from passes.errors import N_, UsageError
from station.access import ROLE_NAMES, Member, Role
from station.dialogs.form import Answer
from station.dialogs.staff_forms import member_form, pin_form, roles_of
from station.i18n import _
from station.screens.listing import ListScreen
from station.widgets.paged_list import Column, ListRow


class StaffScreen(ListScreen):
    """Lists everybody who works here; admins are made, and given PINs, on an admin's word."""

    NAME = "staff"
    EMPTY = N_("Nobody is entered yet: F5 = add the lead on duty first")

    def columns(self) -> Sequence[Column]:
        """Return name, roles, PIN."""
        return Column(_("Name"), 20), Column(_("Roles")), Column(_("PIN"), 11)

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - no search
        """Return those after one name."""
        members = [one for one in self.station.access.members() if after is None or one.name > str(after)]
        return [_row(member) for member in members[:limit]]

    def opened(self, row: ListRow) -> None:
        """Ask for other roles."""
        member = self._member(row)
        self.ask(member_form(member), lambda answer: self._set(member.name, roles_of(answer.values["roles"]), member))

    def action_add(self) -> None:
        """Ask who works here."""
        self.ask(member_form(None), self._added)

    def action_pin(self) -> None:
        """Ask for a new PIN of the marked one."""
        row = self.list.marked
        if row is not None:
            member = self._member(row)
            self.ask(pin_form(member.name), lambda answer: self._set_pin(member, answer))

    def action_remove(self) -> None:
        """Say that the marked one works here no more, on somebody's word."""
        row = self.list.marked
        if row is None:
            return
        member = self._member(row)
        role = Role.ADMIN if Role.ADMIN in member.roles else Role.LEAD
        title = _("{name} works here no more. Who answers for it?").format(name=member.name)
        self.prove(title, role, lambda _member: self.station.access.remove(member.name))

    def _member(self, row: ListRow) -> Member:
        return next(one for one in self.station.access.members() if one.name == row.key)

    def _added(self, answer: Answer) -> None:
        self._set(answer.values["name"], roles_of(answer.values["roles"]), None)

    def _set(self, name: str, roles: frozenset[Role], before: Member | None) -> None:
        is_admins = Role.ADMIN in roles or (before is not None and Role.ADMIN in before.roles)
        self._as_admin(is_admins, lambda: self.station.access.set_member(name, roles))

    def _set_pin(self, member: Member, answer: Answer) -> None:
        if answer.values["pin"] != answer.values["again"]:
            raise UsageError(N_("PIN: the two are not the same; type it again"))

        def set_pin() -> None:
            self.station.access.set_pin(member.name, answer.values["pin"])
            self.hint(_("{name}: new PIN set").format(name=member.name))

        self._as_admin(Role.ADMIN in member.roles, set_pin)

    def _as_admin(self, is_admins: bool, do: Callable[[], object]) -> None:
        """Do what only an admin may, where there is one with a PIN, after asking for it; anything else at once."""
        if is_admins and self.station.access.provers(Role.ADMIN):
            self.prove(_("An admin answers for this"), Role.ADMIN, lambda _member: do())
        else:
            do()


def _row(member: Member) -> ListRow:
    roles = ", ".join(_(ROLE_NAMES[role]) for role in Role if role in member.roles)
    return ListRow(member.name, (member.name, roles, _("with PIN") if member.has_pin else _("without PIN")))
