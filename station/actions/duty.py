"""What can be done on the screens of duty; the same key means the same on all of them."""

from passes.errors import N_
from station.actions import LIST, Action

_ALL = Action("all", "f4", N_("All"), N_("Show what is over too; again: only what is open"), in_footer=False)

INCIDENTS = (
    *LIST,
    _ALL,
    Action("add", "f5", N_("New"), N_("Report it; destroy the pass and ban its holder")),
    Action("handle", "f6", N_("Handle"), N_("Write what was done about the marked incident")),
    Action("close", "f7", N_("Close"), N_("Write that the marked incident is over")),
)
ISOLATION = (
    *LIST,
    Action("all", "f4", N_("Due"), N_("Only whose check is due, longest first; again: all")),
    Action("add", "f5", N_("New"), N_("Order a person or household to stay at home")),
    Action("handle", "f6", N_("Check"), N_("Write down a health check of the marked case")),
    Action("close", "f7", N_("Release"), N_("End the isolation of the marked case"), in_footer=False),
)
WATCH = (
    *LIST,
    Action("add", "f5", N_("New"), N_("Put somebody on the watch list")),
    Action("handle", "f6", N_("Import"), N_("Read a list in (CSV or XLSX); Esc stops it")),
    Action("close", "f7", N_("Clear"), N_("Take the marked person off the list")),
)
SUPPLIES = (
    Action("all", "f4", N_("Moves"), N_("What came in, went out, was counted; again: the stock")),
    Action("add", "f5", N_("Stock in"), N_("Write down what came in")),
    Action("handle", "f6", N_("Give out"), N_("Write down what was given out")),
    Action("close", "f7", N_("Recount"), N_("Write down what was counted")),
)
INSPECTIONS = (
    *LIST,
    _ALL,
    Action("add", "f5", N_("New"), N_("Write down an inspection of this post")),
    Action("close", "f7", N_("Put right"), N_("Write that the marked finding was put right")),
)
ERRANDS = (
    *LIST,
    _ALL,
    Action("add", "f5", N_("New"), N_("Write down what a household needs")),
    Action("close", "f7", N_("Done"), N_("Write that the marked errand was done")),
)
EFFORTS = (
    Action("add", "f5", N_("Disinfect"), N_("Write down that a place was disinfected")),
    Action("handle", "f6", N_("Tally"), N_("Count patrols, visits, letters for the daily report")),
)
SHIFT = (
    Action("tick", "enter", N_("Tick"), N_("Hand the line over; again: closed. Goods: count them")),
    Action("tick_all", "f4", N_("All"), N_("Hand over everything that is not ticked yet")),
    Action("slip", "f6", N_("Print"), N_("Write the last hand-over as a PDF for paper")),
    Action("sign", "f10", N_("Sign"), N_("Both sign: the shift is handed over; or take up duty")),
)
