"""The one registry of actions: keys, footer and help all come from here.

No action has a bare letter for a key: a keyboard-wedge scanner types letters.
"""

from dataclasses import dataclass

from passes.errors import N_


@dataclass(frozen=True, slots=True)
class Action:
    """Something the guard can do: `name` is the screen's `action_…` method, `label` two words for the footer.

    What is seldom needed stands in the help only.
    """

    name: str
    key: str
    label: str
    help: str
    in_footer: bool = True


RECORD = Action("record", "enter", N_("Record"), N_("Record the passage on a green screen; the field must be empty"))
GATE = (
    Action("turn_direction", "f2", N_("Direction"), N_("Change between people going out and coming in")),
    Action("visitor", "f3", N_("Visitor"), N_("Register a visitor without a pass; on the way out: who is leaving")),
    Action("turn_back", "f6", N_("Turn back"), N_("Do not let this person pass, with a reason; or drop the scan")),
    Action("reading", "f7", N_("Temp"), N_("Measure again, type a temperature, or say why there is none")),
    Action("hand_over", "f9", N_("Hand over"), N_("End the shift and hand over to the next guard")),
    Action("acknowledge", "f10", N_("Seen"), N_("On an amber screen: seen what is asked for, record the passage")),
    Action(
        "confirm_clock",
        "ctrl+t",
        N_("Clock"),
        N_("The lead confirms the time, after the clock went back"),
        in_footer=False,
    ),
    Action("undo", "f4", N_("Undo"), N_("Take back the last recorded passage, within 15 minutes"), in_footer=False),
    Action("refuse_id", "f5", N_("No ID"), N_("The ID card is missing or another person's: refuse"), in_footer=False),
    Action("devices", "f11", N_("Devices"), N_("Set up thermometer, scanner and ID card reader"), in_footer=False),
    Action("issue", "ctrl+n", N_("New pass"), N_("Issue a pass here, where the station may"), in_footer=False),
    Action("help", "f1", N_("Help"), N_("Show this page")),
)
LEAVE = Action("quit", "ctrl+q", N_("Leave"), N_("Leave the program; everything recorded is on disk"), in_footer=False)
DEAL = Action("deal", "f12", N_("Next"), N_("Demo only: the simulated scanner reads the next visitor's pass"))
DEVICES = (
    Action("take", "f5", N_("Take it"), N_("Take what the port seems to be")),
    Action("try", "f6", N_("Try"), N_("Try the device: its readings, codes or cards are shown; again: only listen")),
    Action("save", "f10", N_("Save"), N_("Write the device into the settings")),
    Action("leave", "escape", N_("Back"), N_("Back to the gate")),
    Action("help", "f1", N_("Help"), N_("Show this page")),
)
