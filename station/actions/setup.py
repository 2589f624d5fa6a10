"""What can be done on the screens that set the station up."""

from passes.errors import N_
from station.actions import Action

DEVICES = (
    Action("take", "f5", N_("Take it"), N_("Take what the port seems to be")),
    Action("try", "f6", N_("Try"), N_("Try the device: its readings, codes or cards are shown; again: only listen")),
    Action("save", "f10", N_("Save"), N_("Write the device into the settings")),
)
