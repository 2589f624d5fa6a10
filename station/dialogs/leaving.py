"""Who leaves: the visitors inside who have no pass, found by typing, chosen with the arrows."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from passes.masking import mask_name
from passes.plaintext import plain
from station.clock import local_time
from station.devices.idcard.card import CardError, IdCard
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _, explain
from station.people import LastVisit
from station.widgets.keys_line import KeysLine
from station.widgets.scan_field import PlainInput

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the guard chose: a visitor, whoever has this ID number, or `register` for somebody who comes in."""

    visitor: LastVisit | None = None
    id_number: str = ""
    register: bool = False


class LeavingDialog(ModalScreen[Leaving | None]):
    """Ask who leaves; dismisses a `Leaving`, or None after Esc.

    What is typed is looked for in names, rooms and the ends of numbers. An ID card says who it is at once.
    """

    DEFAULT_CSS = """
    LeavingDialog { align: center middle; }
    LeavingDialog > Vertical {
        width: 74; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
    }
    LeavingDialog #found { height: 11; margin-top: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    LeavingDialog .keys { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("f3", "register", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, visitors: list[LastVisit], zone: tzinfo) -> None:
        super().__init__()
        self._visitors = visitors
        self._zone = zone
        self._found = visitors
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """Lay out the field and, at a fixed place below it, who was found."""
        with Vertical():
            yield Static(_("Who leaves? {count} visitors without a pass are inside").format(count=len(self._visitors)))
            yield PlainInput(
                placeholder=_("Name, room, end of the ID number, or the whole number"),
                id="wanted",
                compact=True,
                max_length=MOST_CHARACTERS,
            )
            yield Static(id="found", markup=False)
            keys = [_("Enter = leaves"), _("Up, Down = choose"), _("F3 = register somebody"), _("Esc = leave")]
            yield KeysLine(keys)

    def on_mount(self) -> None:
        """Show all of them."""
        self._show()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        wanted = event.value.strip().casefold()
        self._found = [one for one in self._visitors if wanted in _searched(one)] if wanted else self._visitors
        self._chosen = 0
        self._show()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if self._found:
            self.dismiss(Leaving(self._found[self._chosen]))
        elif event.value.strip():
            self.dismiss(Leaving(id_number=event.value.strip()))

    def take_card(self, event: IdCard | CardError) -> None:
        """Let the holder of the card leave."""
        if isinstance(event, CardError):
            self.query_one("#found", Static).update(Content(explain(event)))
        else:
            self.dismiss(Leaving(id_number=event.id_number))

    def action_move(self, by: int) -> None:
        """Choose another of those found."""
        if self._found:
            self._chosen = (self._chosen + by) % len(self._found)
            self._show()

    def action_register(self) -> None:
        """Turn to somebody who comes in."""
        self.dismiss(Leaving(register=True))

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _show(self) -> None:
        first = max(0, self._chosen - SHOWN + 1)
        lines = [
            Content.styled(f"> {self._line(one)}", "bold reverse")
            if number == self._chosen
            else Content(f"  {self._line(one)}")
            for number, one in enumerate(self._found[first : first + SHOWN], first)
        ]
        if not lines:
            lines = [Content(_("Nobody of this name is inside; with a whole ID number, Enter looks at all gates"))]
        elif len(self._found) > first + SHOWN:
            lines.append(Content(_("{count} more: type a name").format(count=len(self._found) - first - SHOWN)))
        self.query_one("#found", Static).update(Content("\n").join(lines))

    def _line(self, one: LastVisit) -> str:
        name = mask_name(one.name) if one.name else _("(another gate)")
        tail = f"*{plain(one.tail, 4)}" if one.tail else "     "
        since = local_time(one.entered_ms, self._zone).strftime("%m-%d %H:%M")
        cells = [Content(name).truncate(14, pad=True).plain, f"{tail:<5}", since, plain(one.station, 12)]
        return "  ".join([*cells, plain(one.address, 24)]).rstrip()


def _searched(one: LastVisit) -> str:
    return "\n".join((one.name, one.address, one.tail, one.visit.host, one.station)).casefold()
