"""What the staff screen asks, in the user's language."""

import unicodedata

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.access import ROLE_NAMES, Member, Role
from station.dialogs.form import Field, FormDialog
from station.i18n import _


def member_form(member: Member | None) -> FormDialog:
    """Ask for a name and roles; of somebody who is entered already, the roles only."""
    listed = "  ".join(f"{number} {_(words)}" for number, words in enumerate(ROLE_NAMES.values(), 1))
    held = " ".join(str(number) for number, role in enumerate(Role, 1) if member and role in member.roles)
    roles = Field("roles", _("Roles, by number: {roles}").format(roles=listed), held or "1")
    if member:
        return FormDialog(_("Roles of {name}").format(name=plain(member.name, 40)), [roles])
    return FormDialog(_("Who works here"), [Field("name", _("Name")), roles])


def pin_form(name: str) -> FormDialog:
    """Ask for a new PIN, twice."""
    fields = [Field("pin", _("New PIN"), is_secret=True), Field("again", _("The same once more"), is_secret=True)]
    return FormDialog(_("New PIN of {name}").format(name=plain(name, 40)), fields)


def roles_of(typed: str) -> frozenset[Role]:
    """Return the roles that somebody means by their numbers; raises `UsageError` for any other text."""
    words = unicodedata.normalize("NFKC", typed).replace(",", " ").split()
    by_number = {str(number): role for number, role in enumerate(Role, 1)}
    if not words or any(word not in by_number for word in words):
        raise UsageError(N_('roles: "{typed}": write numbers from 1 to {most}'), typed=plain(typed, 20), most=len(Role))
    return frozenset(by_number[word] for word in words)
