"""Who is meant: people of the roster found by typing, chosen with the arrows."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from passes.masking import mask_name
from passes.plaintext import plain
from station import roster
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _
from station.roster import Known
from station.widgets.keys_line import KeysLine
from station.widgets.lines import column
from station.widgets.marked_lines import Lines
from station.widgets.scan_field import PlainInput


class PickerDialog(ModalScreen[Known | None]):
    """Ask who is meant; dismisses a person, or None after Esc.

    `find` looks for what is typed, beginning with `wanted`; `title` is in the user's language.
    """

    DEFAULT_CSS = """
    PickerDialog { align: center middle; }
    PickerDialog > Vertical {
        width: 74; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
    }
    PickerDialog #found { height: 10; margin-top: 1; }
    PickerDialog .keys { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, title: str, wanted: str, find: Callable[[str], Sequence[Known]]) -> None:
        super().__init__()
        self._title = title
        self._wanted = wanted
        self._find = find
        self._found: Sequence[Known] = ()
        self._marked = 0

    def compose(self) -> ComposeResult:
        """Lay out the field and, at a fixed place below it, who was found."""
        with Vertical():
            yield Static(self._title, markup=False)
            yield PlainInput(
                self._wanted,
                placeholder=_("Name, pinyin, initials, room, end of a phone or ID number, plate"),
                id="wanted",
                compact=True,
                max_length=MOST_CHARACTERS,
                select_on_focus=False,
            )
            yield Lines(id="found")
            keys = [_("Enter = this one"), _("Up, Down = choose"), _("Esc = leave")]
            yield KeysLine(keys)

    def on_mount(self) -> None:
        """Show who is found by what was typed before."""
        self._look(self._wanted)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._look(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._found:
            self.dismiss(self._found[self._marked])

    @on(Lines.Clicked)
    def _clicked(self, message: Lines.Clicked) -> None:
        if message.number < len(self._found):
            self.dismiss(self._found[message.number])

    def action_move(self, by: int) -> None:
        """Mark another of those found."""
        if self._found:
            self._marked = (self._marked + by) % len(self._found)
            self._show()

    def action_leave(self) -> None:
        """Dismiss nobody."""
        self.dismiss(None)

    def _look(self, text: str) -> None:
        self._found, self._marked = self._find(text), 0
        self._show()

    def _show(self) -> None:
        lines = [line_of(person) for person in self._found]
        self.query_one(Lines).show(
            lines or [_("Nobody is found by this; try fewer characters")], 0 if not lines else self._marked
        )


def line_of(person: Known) -> str:
    """Return one line about somebody, the name masked."""
    role = _(roster.ROLES[person.role]) if person.role in roster.ROLES else plain(person.role, 12)
    tail = f"*{plain(person.id_tail or person.phone_tail, 4)}" if person.id_tail or person.phone_tail else ""
    cells = [column(mask_name(person.name), 16), column(plain(person.address, 40), 22), tail.ljust(5)]
    return "  ".join([*cells, role if person.household else _("visitor")]).rstrip()
