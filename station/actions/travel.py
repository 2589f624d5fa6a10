"""What can be done about records on their way."""

from passes.errors import N_
from station.actions import Action

TRAVEL = (
    Action("send", "f5", N_("Send"), N_("Send now what is unsent, before the next try")),
    Action("bundle", "f10", N_("Stick"), N_("Write what is unsent to a stick, sealed to the office")),
)
