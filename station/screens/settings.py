"""The settings screen: language, looks, lock, fever; what is more than taste is changed on a lead's word."""

from dataclasses import replace

from station import setting_rows
from station.access import ROLE_NAMES, Member, Role
from station.i18n import _
from station.screens.rows import RowsScreen
from station.screens.work import Host
from station.setting_rows import KEYS, SETTINGS, Setting, key_settings, values_of
from station.widgets.device_rows import Row


class SettingsScreen(RowsScreen):
    """Shows every setting as it is going to be; nothing is written before F10."""

    NAME = "settings"

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        self._values = self._saved = values_of(self.station.settings)

    def on_mount(self) -> None:
        """Show what is set."""
        self.paint()

    def rows(self) -> list[Row]:
        """Return a line for each setting, and one for each key of the gate that may be another one."""
        keys = [replace(_row(one, self._values[one.name]), label=_key_label(one)) for one in key_settings()]
        return [*(_row(one, self._values[one.name]) for one in SETTINGS), *keys]

    def change(self, name: str, value: str) -> None:
        """Take a new value, for F10 to write."""
        self._values = {**self._values, name: value}
        self.paint()

    def action_save(self) -> None:
        """Write what was changed; what is more than taste needs whoever answers for it."""
        if not self.take_typed():
            return
        changed = [one for one in (*SETTINGS, *key_settings()) if self._values[one.name] != self._saved[one.name]]
        roles = {one.role for one in changed if one.role}
        if not changed:
            self.hint(_("Nothing was changed"))
        elif roles:
            role = Role.ADMIN if Role.ADMIN in roles else Role.LEAD
            names = ", ".join(_(one.label) for one in changed if one.role)
            title = _("Change: {what}. Who answers for it? ({role})").format(what=names, role=_(ROLE_NAMES[role]))
            self.prove(title, role, lambda member: self._save(changed, member))
        else:
            with self.told():
                self._save(changed, None)

    def _save(self, changed: list[Setting], member: Member | None) -> None:
        written = setting_rows.save(self.station.folder, {one.name: self._values[one.name] for one in changed})
        self._values = self._saved = values_of(written)
        if member:
            weighty = {one.name: self._saved[one.name] for one in changed if one.role}
            setting_rows.record(self.station, weighty, member.name)
        self.host.restyle(written)
        self.paint()
        if all(one.is_live for one in changed):
            self.hint(_("Saved, and in force"))
        else:
            later = ", ".join(_label(one) for one in changed if not one.is_live)
            self.hint(_("Saved. In force after the next start: {what}").format(what=later))


def _row(one: Setting, value: str) -> Row:
    choices = tuple((choice, _(words)) for choice, words in one.choices)
    return Row(one.name, _(one.label), value, choices, is_free=not choices)


def _key_label(one: Setting) -> str:
    return _("Key: {action}").format(action=_(one.label))


def _label(one: Setting) -> str:
    return _key_label(one) if one.name.startswith(KEYS) else _(one.label)
