"""Everything that can be done now, found by name."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from passes.errors import N_
from station.actions import Action, key_name
from station.devices.scanner.code import MOST_CHARACTERS
from station.dialogs.finder import FinderDialog
from station.i18n import _
from station.widgets.keys_line import KeysLine
from station.widgets.lines import column
from station.widgets.marked_lines import Lines
from station.widgets.scan_field import PlainInput

_KEY_CELLS, _LABEL_CELLS = 10, 10


class PaletteDialog(FinderDialog[Action]):
    """Ask which of `actions` is wanted; dismisses it, or None after Esc. What is typed is looked for in all words."""

    DEFAULT_CSS = """
    PaletteDialog { align: center middle; }
    PaletteDialog > Vertical { width: 78; max-width: 100%; height: 90%; padding: 0 1; background: $surface; }
    PaletteDialog Lines { height: 1fr; margin-top: 1; }
    PaletteDialog .keys { height: 1; color: $text-muted; }
    """
    NOTHING = N_("Nothing of this name can be done here")

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = list(actions)

    def compose(self) -> ComposeResult:
        """Lay out the field and what it finds."""
        with Vertical():
            yield PlainInput(placeholder=_("What do you want to do?"), compact=True, max_length=MOST_CHARACTERS)
            yield Lines(id="found")
            keys = [_("Enter = do it"), _("Up, Down = choose"), _("Esc = leave")]
            yield KeysLine(keys)

    def find(self, text: str) -> Sequence[Action]:
        """Return the actions in whose words all of the words are."""
        words = text.casefold().split()
        return [action for action in self._actions if all(word in _searched(action) for word in words)]

    def line(self, one: Action) -> str:
        """Return key, name and help."""
        return f"{column(key_name(one.key), _KEY_CELLS)}{column(_(one.label), _LABEL_CELLS)} {_(one.help)}"


def _searched(action: Action) -> str:
    return f"{_(action.label)} {_(action.help)} {key_name(action.key)}".casefold()
