"""A form of short lines, typed or chosen, with a place for what was wrong; for all matters of duty."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Label, Static

from passes.plaintext import plain
from station.devices.scanner.code import MOST_CHARACTERS
from station.dialogs.form import Answer, Field, FormDialog
from station.i18n import _
from station.widgets.choice_line import ChoiceLine
from station.widgets.keys_line import KeysLine
from station.widgets.scan_field import PlainInput

_MOST_ANSWERED = 500


@dataclass(frozen=True, slots=True)
class Line(Field):
    """One line: typed, or one of `choices`, pairs of a code and its words in the user's language."""

    choices: tuple[tuple[str, str], ...] = ()


def yes_no(name: str, label: str, *, value: bool = False) -> Line:
    """Return a line that is answered by yes or no, as `yes` and empty."""
    return Line(name, label, "yes" if value else "", choices=(("", _("no")), ("yes", _("yes"))))


class MatterForm(FormDialog):
    """Ask for `lines`; dismisses an `Answer` with a text or code for each. `trouble` says what was wrong before."""

    DEFAULT_CSS = """
    MatterForm { align: center middle; }
    MatterForm > VerticalScroll { width: 74; }
    MatterForm Horizontal { height: 1; }
    MatterForm Label { width: 20; padding: 0; }
    MatterForm Input { width: 1fr; }
    MatterForm #trouble { height: 2; color: $text-warning; text-style: bold; }
    MatterForm .keys { height: auto; padding: 0; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]
    AUTO_FOCUS = "PlainInput, ChoiceLine"

    def __init__(self, title: str, lines: Sequence[Line], trouble: str = "") -> None:
        super().__init__(title, list(lines))
        self._lines = lines
        self._trouble = trouble

    def compose(self) -> ComposeResult:
        """Lay one row out for each line."""
        with VerticalScroll(can_focus=False):
            yield Static(self._title, markup=False)
            yield Static("")
            for line in self._lines:
                with Horizontal():
                    yield Label(line.label, markup=False)
                    if line.choices:
                        yield ChoiceLine(line.choices, line.value, id=line.name)
                    else:
                        yield PlainInput(line.value, id=line.name, compact=True, max_length=MOST_CHARACTERS)
            yield Static(self._trouble, id="trouble", markup=False)
            keys = [_("Enter = do it"), _("Up, Down = line"), _("Left, Right = choose"), _("Esc = leave")]
            yield KeysLine(keys)

    @on(ChoiceLine.Submitted)
    def _chosen(self) -> None:
        """Dismiss the values of all lines."""
        self.dismiss(Answer(self._values()))

    def _values(self) -> dict[str, str]:
        values = {}
        for line in self._lines:
            widget: ChoiceLine | PlainInput
            if line.choices:
                widget = self.query_one(f"#{line.name}", ChoiceLine)
            else:
                widget = self.query_one(f"#{line.name}", PlainInput)
            values[line.name] = plain(widget.value.strip(), _MOST_ANSWERED)
        return values
