"""The one registry of actions: keys, footer, help and menu all come from here; each group of screens has a file.

No action has a bare letter for a key: a keyboard-wedge scanner types letters.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from passes.errors import N_
from station.i18n import _


@dataclass(frozen=True, slots=True)
class Action:
    """Something the guard can do: `name` is the screen's `action_…` method, `label` two characters for the footer.

    What is seldom needed stands in the help only. `calls` is what Textual is to run where that is not the method of
    this name alone.
    """

    name: str
    key: str
    label: str
    help: str
    in_footer: bool = True
    calls: str = ""


HELP = Action("help", "f1", N_("Help"), N_("Show this page"))
BACK = Action("leave", "escape", N_("Back"), N_("Back to the gate"))
LIST = (
    Action("open", "enter", N_("Open"), N_("Open the marked line"), in_footer=False),
    Action("unmask", "f8", N_("Name"), N_("Show the name of the marked line whole; that is recorded")),
)
"""What every list of people knows."""

_KEY_NAMES = {"escape": "Esc", "enter": N_("Enter"), "pageup": "PgUp", "pagedown": "PgDn"}


def key_name(key: str) -> str:
    """Return what users call a key."""
    held, _plus, last = key.rpartition("+")
    name = _(_KEY_NAMES[last]) if last in _KEY_NAMES else last.upper()
    return f"{held.title()}+{name}" if held else name


def in_order(actions: Iterable[Action]) -> list[Action]:
    """Return the actions as they stand in the footer and in the help: by their keys, help last."""
    return sorted(actions, key=lambda action: _place(action.key))


def _place(key: str) -> tuple[int, int, str]:
    if key == HELP.key:
        return 3, 0, key
    if key[:1] == "f" and key[1:].isdecimal():
        return 1, int(key[1:]), key
    return (0 if key == "enter" else 2), 0, key
