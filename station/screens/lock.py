"""The lock: nobody sees or does anything here without a PIN, and whoever is scanned meanwhile waits."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from station.access import Member, Role
from station.actions import BACK, HELP
from station.i18n import _
from station.screens.work import WorkScreen
from station.widgets.verdict_panel import VerdictPanel


class LockScreen(WorkScreen):
    """Goes away for a PIN only; where nobody has one it locks nothing.

    What a scan says is shown if `screen.lock_shows_verdict` is set; it is recorded after unlocking, as ever.
    """

    NAME = "lock"
    COMMON = (BACK, HELP)
    DEFAULT_CSS = """
    LockScreen > #locked { height: auto; padding: 1 2; text-style: bold; }
    LockScreen > VerdictPanel { margin: 0 1; width: 1fr; height: 8; }
    LockScreen > #rest { height: 1fr; }
    """

    def body(self) -> ComposeResult:
        """Lay out what is said, and the verdict's place."""
        yield Static(id="locked", markup=False)
        panel = VerdictPanel(self.station.settings.zone)
        panel.display = False
        yield panel
        yield Static(id="rest")

    @property
    def is_locked(self) -> bool:
        """Whether anybody has a PIN to unlock with."""
        return bool(self.station.access.provers(Role.GUARD))

    def show(self) -> None:
        """Say how to go on, and how many wait."""
        lane, shows_verdict = self.host.lane, self.station.settings.screen.lock_shows_verdict
        lines = [_("Locked. Enter = unlock with a PIN") if self.is_locked else _("Nobody has a PIN here: Esc = back")]
        count = len(lane.waiting) + (lane.is_pending and not shows_verdict)
        if count:
            lines.append(_("Scanned meanwhile: {count}; they wait until you unlock").format(count=count))
        self.query_one("#locked", Static).update(Content("\n".join(lines)))
        panel = self.query_one(VerdictPanel)
        is_shown = shows_verdict and lane.current is not None
        if is_shown:
            panel.show(lane)
        panel.display = is_shown

    def take_code(self, text: str) -> bool:
        """Keep a code until the gate is in front again, or show what it says."""
        if not self.is_locked:
            return False
        with self.told():
            if self.station.settings.screen.lock_shows_verdict:
                self.host.lane.scan(text)
            else:
                self.host.lane.keep(text)
        self.app.bell()
        return True

    def action_unlock(self) -> None:
        """Ask for a PIN."""
        if self.is_locked:
            self.prove(_("Unlock"), Role.GUARD, self._unlocked)
        else:
            super().action_leave()

    def action_leave(self) -> None:
        """Go back where nothing is locked."""
        if self.is_locked:
            self.hint(_("Locked. Enter = unlock with a PIN"))
        else:
            super().action_leave()

    def _unlocked(self, _member: Member) -> None:
        super().action_leave()
