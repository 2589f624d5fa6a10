"""All screens but the gate: a line here puts one into the menu and, if it has a key there, on the gate."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from passes.errors import N_
from station.access import Role
from station.actions import BACK, HELP, PALETTE, Action, duty, gate, keyed, people, setup, travel


@dataclass(frozen=True, slots=True)
class Entry:
    """One screen: `name` for the code, `label` and `help` for users, `place` as module:class, loaded when it is opened.

    `key` opens it from the menu, and where `at_gate` also straight from the gate. `actions` are what can be done on it
    beside going back and asking for help. `role` must be proved by a PIN before it is opened, where anybody has one.
    """

    name: str
    key: str
    label: str
    help: str
    place: str
    actions: tuple[Action, ...]
    at_gate: bool = False
    in_footer: bool = False
    role: Role | None = None

    def load(self) -> Any:
        """Return the screen's class, a `station.screens.work.WorkScreen`, which settings and tools know nothing of."""
        module, _colon, name = self.place.partition(":")
        return getattr(import_module(module), name)


SCREENS = (
    Entry(
        "passes",
        "f5",
        N_("Passes"),
        N_("Find, issue, print, replace and end passes"),
        "station.screens.passes:PassesScreen",
        people.PASSES,
        at_gate=True,
    ),
    Entry(
        "roster",
        "f2",
        N_("Roster"),
        N_("Find people and households, add and correct"),
        "station.screens.roster:RosterScreen",
        people.ROSTER,
    ),
    Entry(
        "log",
        "ctrl+g",
        N_("Log"),
        N_("All passages: filter, search, look closely"),
        "station.screens.log:LogScreen",
        people.LOG,
    ),
    Entry(
        "overdue",
        "f10",
        N_("Overdue"),
        N_("Who is out too long, or in"),
        "station.screens.overdue:OverdueScreen",
        people.OVERDUE,
    ),
    Entry(
        "shift",
        "f9",
        N_("Shift"),
        N_("Take up duty; hand over matters and goods"),
        "station.screens.duty.shift:ShiftScreen",
        duty.SHIFT,
        at_gate=True,
    ),
    Entry(
        "incidents",
        "f3",
        N_("Incidents"),
        N_("Report it; destroy a pass and ban its holder"),
        "station.screens.duty.incidents:IncidentsScreen",
        duty.INCIDENTS,
    ),
    Entry(
        "isolation",
        "f4",
        N_("Isolation"),
        N_("Who stays at home; health checks that are due"),
        "station.screens.duty.isolation:IsolationScreen",
        duty.ISOLATION,
    ),
    Entry(
        "watch",
        "ctrl+w",
        N_("Watch list"),
        N_("People of key areas: import, add, clear"),
        "station.screens.duty.watch:WatchScreen",
        duty.WATCH,
    ),
    Entry(
        "supplies",
        "f6",
        N_("Supplies"),
        N_("Stock: came in, given out, counted"),
        "station.screens.duty.supplies:SuppliesScreen",
        duty.SUPPLIES,
    ),
    Entry(
        "inspections",
        "f7",
        N_("Inspection"),
        N_("Inspections of this post and what they found"),
        "station.screens.duty.inspections:InspectionsScreen",
        duty.INSPECTIONS,
    ),
    Entry(
        "errands",
        "ctrl+e",
        N_("Errands"),
        N_("What households need that cannot leave home"),
        "station.screens.duty.errands:ErrandsScreen",
        duty.ERRANDS,
    ),
    Entry(
        "efforts",
        "ctrl+d",
        N_("Counts"),
        N_("Disinfection, patrols, visits, letters"),
        "station.screens.duty.efforts:EffortsScreen",
        duty.EFFORTS,
    ),
    Entry(
        "devices",
        "f11",
        N_("Devices"),
        N_("Set up thermometer, scanner and ID card reader"),
        "station.screens.devices:DevicesScreen",
        setup.DEVICES,
        at_gate=True,
    ),
    Entry(
        "travel",
        "ctrl+y",
        N_("Travel"),
        N_("What is unsent or set aside; USB sticks"),
        "station.screens.travel:TravelScreen",
        travel.TRAVEL,
    ),
    Entry(
        "settings",
        "ctrl+o",
        N_("Settings"),
        N_("Language, looks, lock, fever, keys"),
        "station.screens.settings:SettingsScreen",
        setup.SETTINGS,
    ),
    Entry(
        "staff",
        "ctrl+u",
        N_("Staff"),
        N_("Who works here, their roles and PINs"),
        "station.screens.staff:StaffScreen",
        setup.STAFF,
        role=Role.LEAD,
    ),
    Entry(
        "lock",
        "ctrl+l",
        N_("Lock"),
        N_("Hide everything until somebody gives a PIN"),
        "station.screens.lock:LockScreen",
        setup.LOCK,
        at_gate=True,
    ),
)


def entry(name: str) -> Entry:
    """Return the line of a screen."""
    return next(one for one in SCREENS if one.name == name)


def openings() -> tuple[Action, ...]:
    """Return the actions that open the screens."""
    return tuple(
        Action(one.name, one.key, one.label, one.help, one.in_footer, f"app.want('{one.name}')") for one in SCREENS
    )


def gate_actions() -> tuple[Action, ...]:
    """Return what can be done at the gate, other screens on a key there included."""
    here = {one.name for one in SCREENS if one.at_gate}
    return (*gate.GATE, *(action for action in openings() if action.name in here))


def at_gate(text: str) -> str:
    """Return a sentence of the gate with the keys that are in use there."""
    return keyed(text, gate_actions())


def groups() -> list[tuple[Action, ...]]:
    """Return all actions, those together that are there at the same time: the gate's, the menu's, each screen's."""
    screens = [(*one.actions, BACK, HELP, PALETTE) for one in SCREENS]
    return [(*gate_actions(), gate.RECORD, gate.DEAL), (*openings(), BACK, HELP), *screens]
