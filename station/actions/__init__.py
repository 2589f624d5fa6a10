"""The one registry of actions: keys, footer, help and menu all come from here; each group of screens has a file.

No action has a bare letter for a key: a keyboard-wedge scanner types letters.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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


PALETTE = Action(
    "palette", "ctrl+p", N_("Find"), N_("Find what can be done now by its name"), in_footer=False, calls="app.palette"
)
HELP = Action("help", "f1", N_("Help"), N_("Show this page"))
BACK = Action("leave", "escape", N_("Back"), N_("Back to the gate"))
LIST = (
    Action("open", "enter", N_("Open"), N_("Open the marked line"), in_footer=False),
    Action("unmask", "f8", N_("Name"), N_("Show the marked line's name whole; that is recorded")),
)
"""What every list of people knows."""

_KEY_NAMES = {"escape": "Esc", "enter": N_("Enter"), "pageup": "PgUp", "pagedown": "PgDn"}


_FIXED = {"enter", "escape"}
FREE_KEYS = (*(f"f{number}" for number in range(1, 13)), *(f"ctrl+{letter}" for letter in "agelnopqrtuwxyz"))
"""What an action may be put on: nothing that a scanner types, nor what terminals and tmux take for themselves."""


_KEY_IN_TEXT = re.compile(r"(?<![A-Za-z0-9+])(?:Ctrl\+[A-Z]|F(?:1[0-2]|[1-9]))(?![A-Za-z0-9])", re.ASCII)
"""A key as sentences name it; F1 in F10 is none. Chinese may stand right beside it, so `\\b` will not do."""


class _Chosen:
    """The process's keys where they are not the usual ones."""

    keys: Mapping[str, str] = {}


def use_keys(keys: Mapping[str, str]) -> None:
    """Put actions on other keys from now on, by name; `problem_with` has nothing to say about them."""
    _Chosen.keys = keys


def bound(actions: Iterable[Action], keys: Mapping[str, str] | None = None) -> list[Action]:
    """Return the actions with the keys that they are on, in the order of footer and help: by their keys, help last."""
    chosen = _Chosen.keys if keys is None else keys
    placed = [replace(action, key=chosen[action.name]) if action.name in chosen else action for action in actions]
    return sorted(placed, key=lambda action: _place(action.key))


def problem_with(keys: Mapping[str, str], groups: Iterable[Iterable[Action]]) -> tuple[str, str] | None:
    """Return the first action that cannot be on the key given for it, and why, marked by `N_`; None if all can.

    `groups` are the actions that are there at the same time.
    """
    listed = [list(group) for group in groups]
    known = {action.name: action.key for group in listed for action in group}
    for name, key in keys.items():
        if name not in known or known[name] in _FIXED:
            return name, N_("there is no such action whose key can be changed")
        if key not in FREE_KEYS:
            return name, N_("write f1 to f12, or ctrl+ and one of a e g l n o p q r t u w x y z")
        for group in listed:
            others = [action.name for action in bound(group, keys) if action.key == key and action.name != name]
            if others and name in {action.name for action in group}:
                return name, N_("another action is on this key; give that one another key too")
    return None


def keyed(text: str, actions: Iterable[Action]) -> str:
    """Return a sentence with the keys that the actions are on now, which was written with their usual ones."""
    if not _Chosen.keys:
        return text
    now = {key_name(one.key): key_name(_Chosen.keys[one.name]) for one in actions if one.name in _Chosen.keys}
    return _KEY_IN_TEXT.sub(lambda found: now.get(found[0], found[0]), text)


def key_name(key: str) -> str:
    """Return what users call a key."""
    held, _plus, last = key.rpartition("+")
    name = _(_KEY_NAMES[last]) if last in _KEY_NAMES else last.upper()
    return f"{held.title()}+{name}" if held else name


def _place(key: str) -> tuple[int, int, str]:
    if key == HELP.key:
        return 3, 0, key
    if key[:1] == "f" and key[1:].isdecimal():
        return 1, int(key[1:]), key
    return (0 if key == "enter" else 2), 0, key
