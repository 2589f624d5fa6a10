"""What can be done on the screens that set the station up."""

from passes.errors import N_
from station.actions import LIST, Action

DEVICES = (
    Action("take", "f5", N_("Take it"), N_("Take what the port seems to be")),
    Action("try", "f6", N_("Try"), N_("Try the device, see what it says; again: only listen")),
    Action("save", "f10", N_("Save"), N_("Write the device into the settings")),
)
STAFF = (
    *(action for action in LIST if action.name == "open"),
    Action("add", "f5", N_("Add"), N_("Enter somebody who works here, with their roles")),
    Action("pin", "f6", N_("PIN"), N_("A new PIN for the marked one; ends any waiting")),
    Action("remove", "f9", N_("Remove"), N_("The marked one works here no more; the PIN is gone")),
)
SETTINGS = (Action("save", "f10", N_("Save"), N_("Write the settings; more than taste asks for a lead")),)
LOCK = (Action("unlock", "enter", N_("Unlock"), N_("Unlock with a PIN")),)
FIRST_RUN = (
    Action("next", "f10", N_("Go on"), N_("Go on; on the last page set the station up")),
    Action("before", "escape", N_("Back"), N_("Back to the page before; what was answered stays")),
    Action("add", "f5", N_("Take it"), N_("Take what the marked port seems to be; enter the guard")),
    Action("remove", "f9", N_("Remove"), N_("Take the marked guard out again"), in_footer=False),
    Action(
        "quit",
        "ctrl+q",
        N_("Leave"),
        N_("Leave; the next start goes on here, PINs are asked again"),
        calls="app.quit",
    ),
    Action("forget", "f12", N_("Give up"), N_("Give up and forget all answers; asks once more"), in_footer=False),
)
