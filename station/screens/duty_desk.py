"""What the gate screen asks about duty: who takes it up, and whether the lead confirms the clock."""

from collections.abc import Callable

from station import shifts
from station.access import Member, Role
from station.assembly import Station
from station.clock import local_time
from station.corrections import confirm_clock
from station.dialogs.form import Answer, FormDialog
from station.dialogs.gate_forms import clock_form, shift_form
from station.i18n import _


class DutyDesk:
    """The questions about duty at one gate.

    `ask` opens a dialog and does what was answered, `prove` has somebody prove a role first, `hint` says one line.
    """

    def __init__(
        self,
        station: Station,
        ask: Callable[[FormDialog, Callable[[Answer], None]], None],
        prove: Callable[[str, Role, Callable[[Member], None]], None],
        hint: Callable[[str], None],
    ) -> None:
        self._station = station
        self._ask = ask
        self._prove = prove
        self._hint = hint

    def open_shift(self) -> None:
        """Ask who takes up duty."""
        self._ask(shift_form(), self._opened)

    def confirm_clock(self) -> None:
        """Ask the lead whether the device's time is right although the clock went back."""
        if self._station.gate.is_clock_behind():
            now = local_time(self._station.clock.now_ms(), self._station.settings.zone)
            self._ask(clock_form(f"{now:%Y-%m-%d %H:%M}"), self._clock_confirmed)
        else:
            self._hint(_("The clock is right as far as this station can tell"))

    def _opened(self, answer: Answer) -> None:
        guard, lead = answer.values["guard"], answer.values["lead"]
        if self._station.access.provers(Role.GUARD):

            def proved(member: Member) -> None:
                self._open(shifts.signed_by(member.name, [guard]), lead, "pin")

            self._prove(_("Whoever takes up duty signs"), Role.GUARD, proved)
        else:
            self._open([guard], lead, "name")

    def _open(self, guards: list[str], lead: str, signed: shifts.Signed) -> None:
        station = self._station
        shifts.open_shift(station.journal, station.register, station.clock, guards, lead, signed=signed)

    def _clock_confirmed(self, answer: Answer) -> None:
        station = self._station
        confirm_clock(station.journal, station.register, station.clock, answer.values["lead"])
        self._hint(_("Confirmed: scan again"))
