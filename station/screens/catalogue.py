"""All screens but the gate: a line here puts one into the menu and, if it has a key there, on the gate."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from passes.errors import N_
from station.actions import Action, setup

if TYPE_CHECKING:
    from station.screens.work import WorkScreen


@dataclass(frozen=True, slots=True)
class Entry:
    """One screen: `name` for the code, `label` and `help` for users, `place` as module:class, loaded when it is opened.

    `key` opens it from the menu, and where `at_gate` also straight from the gate. `actions` are what can be done on it
    beside going back and asking for help.
    """

    name: str
    key: str
    label: str
    help: str
    place: str
    actions: tuple[Action, ...]
    at_gate: bool = False
    in_footer: bool = False

    def load(self) -> "type[WorkScreen]":
        """Return the screen's class."""
        module, _colon, name = self.place.partition(":")
        found: type[WorkScreen] = getattr(import_module(module), name)
        return found


SCREENS = (
    Entry(
        "devices",
        "f11",
        N_("Devices"),
        N_("Set up thermometer, scanner and ID card reader"),
        "station.screens.devices:DevicesScreen",
        setup.DEVICES,
        at_gate=True,
    ),
)


def entry(name: str) -> Entry:
    """Return the line of a screen."""
    return next(one for one in SCREENS if one.name == name)


def openings() -> tuple[Action, ...]:
    """Return the actions that open screens straight from the gate."""
    return tuple(
        Action(one.name, one.key, one.label, one.help, one.in_footer, f"open('{one.name}')")
        for one in SCREENS
        if one.at_gate
    )
