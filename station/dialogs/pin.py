"""Who is responsible: a name, and the PIN that proves it; where nobody has a PIN for this, the name alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from passes.plaintext import plain
from station.access import MOST_DIGITS, ROLE_NAMES, Member, Role
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _
from station.widgets.keys_line import KeysLine
from station.widgets.marked_lines import Lines
from station.widgets.scan_field import PlainInput

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Proof:
    """Who somebody says to be, and the PIN that they typed; empty where none was asked for."""

    name: str
    pin: str = field(repr=False)


class PinDialog(ModalScreen[Proof | None]):
    """Ask who answers for `title`; dismisses a `Proof`, or None after Esc.

    `provers` are those with a PIN who may do it; without any, only a name is asked for, and that is said. `trouble` is
    why the answer before was not taken.
    """

    DEFAULT_CSS = """
    PinDialog { align: center middle; }
    PinDialog > Vertical {
        width: 66; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
    }
    PinDialog Lines { margin: 1 0; }
    PinDialog .trouble { height: 2; color: $text-warning; text-style: bold; }
    PinDialog .keys { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, title: str, provers: Sequence[Member], role: Role, trouble: str = "", name: str = "") -> None:
        super().__init__()
        self._title = title
        self._names = [member.name for member in provers]
        self._role = role
        self._trouble = trouble
        self._said = name
        self._marked = self._names.index(name) if name in self._names else 0

    def compose(self) -> ComposeResult:
        """Lay out who it may be, and the one field."""
        with Vertical():
            yield Static(self._title, markup=False)
            if self._names:
                lines = Lines(id="names")
                lines.styles.height = min(_SHOWN, len(self._names))
                yield lines
                yield Static(_("PIN"), markup=False)
                yield PlainInput(password=True, id="pin", compact=True, max_length=MOST_CHARACTERS)
            else:
                said = _("No PIN is set here for: {role}. Write who is responsible")
                yield Static(said.format(role=_(ROLE_NAMES[self._role])), markup=False)
                yield PlainInput(self._said, id="name", compact=True, max_length=MOST_CHARACTERS)
            yield Static(self._trouble, markup=False, classes="trouble")
            keys = [_("Enter = do it"), *([_("Up, Down = choose")] if len(self._names) > 1 else []), _("Esc = leave")]
            yield KeysLine(keys)

    def on_mount(self) -> None:
        """Show who it may be."""
        self.action_move(0)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if self._names:
            self.dismiss(Proof(self._names[self._marked], event.value[: 4 * MOST_DIGITS]))
        else:
            self.dismiss(Proof(plain(event.value.strip(), 40), ""))

    def action_move(self, steps: int) -> None:
        """Mark another name."""
        if self._names:
            self._marked = (self._marked + steps) % len(self._names)
            self.query_one(Lines).show([plain(name, 40) for name in self._names], self._marked)

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)
