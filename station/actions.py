"""The one registry of actions: keys, footer and help all come from here.

No action has a bare letter for a key: a keyboard-wedge scanner types letters.
"""

from dataclasses import dataclass

from passes.errors import N_


@dataclass(frozen=True, slots=True)
class Action:
    """Something the guard can do: `name` is the screen's `action_…` method, `label` two words for the footer."""

    name: str
    key: str
    label: str
    help: str


RECORD = Action("record", "enter", N_("Record"), N_("Record the passage on a green screen; the field must be empty"))
GATE = (
    Action("turn_direction", "f2", N_("Direction"), N_("Change between people going out and coming in")),
    Action("turn_back", "f6", N_("Turn back"), N_("Do not let this person pass, with a reason; or drop the scan")),
    Action("reading", "f7", N_("Temp"), N_("Measure again, type a temperature, or say why there is none")),
    Action("hand_over", "f9", N_("Hand over"), N_("End the shift and hand over to the next guard")),
    Action("acknowledge", "f10", N_("Seen"), N_("On an amber screen: seen what is asked for, record the passage")),
    Action("help", "f1", N_("Help"), N_("Show this page")),
)
LEAVE = Action("quit", "ctrl+q", N_("Leave"), N_("Leave the program; everything recorded is on disk"))
DEAL = Action("deal", "f12", N_("Next"), N_("Demo only: the simulated scanner reads the next visitor's pass"))
