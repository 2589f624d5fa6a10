"""What can be done at the gate; the screens that have a key of their own there are in `station.screens.catalogue`."""

from passes.errors import N_
from station.actions import HELP, PALETTE, Action

RECORD = Action(
    "record",
    "enter",
    N_("Record"),
    N_("Record on a green screen; the field must be empty"),
    in_footer=False,
)
"""The field that has the focus takes this key."""

GATE = (
    Action("turn_direction", "f2", N_("Direction"), N_("Change between people going out and coming in")),
    Action("visitor", "f3", N_("Visitors"), N_("A visitor without a pass; on the way out: who leaves")),
    Action(
        "vehicle",
        "f4",
        N_("Vehicle"),
        N_("A vehicle: plate, driver, passengers; both ways"),
        in_footer=False,
    ),
    Action("turn_back", "f6", N_("Turn back"), N_("Not let through, with a reason; or drop the scan")),
    Action("reading", "f7", N_("Temp"), N_("Measure again, type a reading, or say why none")),
    Action("more", "f8", N_("More"), N_("All other screens, each with its key")),
    Action(
        "acknowledge",
        "f10",
        N_("Seen"),
        N_("On an amber screen: seen, record the passage"),
        in_footer=False,
    ),
    Action("undo", "ctrl+z", N_("Undo"), N_("Take back the last passage, within 15 minutes"), in_footer=False),
    Action("refuse_id", "ctrl+r", N_("No ID"), N_("No ID card, or another person's: refuse"), in_footer=False),
    Action(
        "confirm_clock",
        "ctrl+t",
        N_("Clock"),
        N_("The lead confirms the time, after the clock went back"),
        in_footer=False,
    ),
    Action("issue", "ctrl+n", N_("New pass"), N_("Issue a pass here, where the station may"), in_footer=False),
    Action("quit", "ctrl+q", N_("Leave"), N_("Leave the program; everything recorded is on disk"), in_footer=False),
    PALETTE,
    HELP,
)
DEAL = Action("deal", "f12", N_("Next"), N_("Demo only: the simulated scanner reads the next pass"))
