"""What can be done on the screens of people: roster, passes, log, overdue."""

from passes.errors import N_
from station.actions import LIST, Action

ROSTER = (
    *LIST,
    Action("passes", "f5", N_("Passes"), N_("Show the passes of the marked person")),
    Action("add", "f6", N_("Add"), N_("Add somebody, to the marked household first")),
    Action("correct", "f7", N_("Correct"), N_("Correct what the roster says of the marked person")),
)
PASSES = (
    *LIST,
    Action("change", "f6", N_("Change"), N_("Suspend, restore, end or replace the marked pass")),
    Action("print", "f7", N_("Print"), N_("Print the marked pass")),
    Action("issue", "ctrl+n", N_("New pass"), N_("Issue a pass here, where the station may"), in_footer=False),
)
LOG = (
    *LIST,
    Action("filter", "f6", N_("Filter"), N_("Choose a day, a direction, an outcome or a kind")),
    Action("abnormal", "f7", N_("Unusual"), N_("Only refused, turned or taken back, lead's, fever")),
)
OVERDUE = (
    *LIST,
    Action("everybody", "f6", N_("All out"), N_("Everybody who is out, or in; again: only the overdue")),
)
