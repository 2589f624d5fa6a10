"""Who is meant: people of the roster found by typing, chosen with the arrows."""

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from passes.errors import N_
from passes.masking import mask_name
from passes.plaintext import plain
from station import roster
from station.devices.scanner.code import MOST_CHARACTERS
from station.dialogs.finder import FinderDialog
from station.i18n import _
from station.roster import Known
from station.widgets.keys_line import KeysLine
from station.widgets.lines import column
from station.widgets.marked_lines import Lines
from station.widgets.scan_field import PlainInput


class PickerDialog(FinderDialog[Known]):
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
    NOTHING = N_("Nobody is found by this; try fewer characters")

    def __init__(self, title: str, wanted: str, find: Callable[[str], Sequence[Known]]) -> None:
        super().__init__()
        self._title = title
        self._wanted = wanted
        self._find = find

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

    def find(self, text: str) -> Sequence[Known]:
        """Return who is found by a text."""
        return self._find(text)

    def line(self, one: Known) -> str:
        """Return the line of somebody."""
        return line_of(one)


def line_of(person: Known) -> str:
    """Return one line about somebody, the name masked."""
    role = _(roster.ROLES[person.role]) if person.role in roster.ROLES else plain(person.role, 12)
    tail = f"*{plain(person.id_tail or person.phone_tail, 4)}" if person.id_tail or person.phone_tail else ""
    cells = [column(mask_name(person.name), 16), column(plain(person.address, 40), 22), tail.ljust(5)]
    return "  ".join([*cells, role if person.household else _("visitor")]).rstrip()
