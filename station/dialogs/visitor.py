"""The visitor's form: who came before is found by typing and comes as the last time; the host is found likewise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from passes.masking import mask_name
from passes.plaintext import plain
from station.devices.idcard.card import CardError, IdCard
from station.dialogs.picker import line_of
from station.dialogs.rows import RowsDialog, RowsForm
from station.i18n import _
from station.people import LastVisit
from station.roster import Known
from station.widgets.lines import column
from station.widgets.marked_lines import Lines

SHOWN = 5
"""How many are looked for: a form of seven lines leaves no more rows on a terminal of 24."""


@dataclass(frozen=True, slots=True)
class Finders:
    """How people are found: visitors who came before by what is typed or an ID number, hosts by what is typed."""

    seen: Callable[[str], Sequence[LastVisit]]
    of_number: Callable[[str], LastVisit | None]
    hosts: Callable[[str], Sequence[Known]]


class VisitorDialog(RowsDialog):
    """Ask for the lines of `form`; below them stands who may be meant by the line that has the focus.

    Its `Answer` also has `person_id` of a visitor who came before and `host_id` of a host from the roster, empty where
    nobody was taken; their names are masked. `taken` are these two from an answer that was not good yet.
    """

    DEFAULT_CSS = """
    VisitorDialog { align: center middle; }
    VisitorDialog > Vertical { width: 74; max-width: 100%; height: auto; padding: 0 2; background: $surface; }
    VisitorDialog #found { height: 5; }
    VisitorDialog #trouble { margin-top: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("f2", "fill_in", show=False),
    ]

    def __init__(self, form: RowsForm, find: Finders, taken: dict[str, str]) -> None:
        super().__init__(form)
        self._find = find
        self._taken = {name: taken.get(name, "") for name in ("person_id", "host_id")}
        self._written = {name: value for name, value in taken.items() if name in ("name", "id_number", "host")}
        self._seen: Sequence[LastVisit] = ()
        self._hosts: Sequence[Known] = ()
        self._marked = -1
        self._looked: tuple[object, str] = (None, "")

    def below(self) -> ComposeResult:
        """Lay out who may be meant, at a fixed place below the lines."""
        yield Lines(id="found")

    def keys(self) -> list[str]:
        """Return what the keys do here."""
        return [*super().keys(), _("Up, Down = choose"), _("F2 = change it first")]

    @on(events.DescendantFocus)
    @on(Input.Changed)
    def _look(self) -> None:
        """Find who may be meant by the line that has the focus."""
        line = self.focused
        text = self._typed()
        self._looked = line, text
        self._seen, self._hosts = (), ()
        if line and line.id == "name" and not self._number:
            self._seen = self._find.seen(text)
        elif line and line.id == "host" and text and not self._is_taken("host"):
            self._hosts = self._find.hosts(text)
        # Nobody is taken by an Enter on an empty line.
        self._mark(0 if text else -1)

    def submit(self) -> None:
        """Take who is marked, else dismiss the values of all fields."""
        if self._looked != (self.focused, self._typed()):
            self._look()  # Enter was faster than the news of what was typed before it
        if not self._take(self._marked):
            super().submit()

    @on(Lines.Clicked)
    def _clicked(self, message: Lines.Clicked) -> None:
        self._take(message.number)

    def action_move(self, by: int) -> None:
        """Mark another of those found."""
        count = len(self._seen or self._hosts)
        if count:
            self._mark((max(self._marked, -1 if by > 0 else 0) + by) % count)

    def action_fill_in(self) -> None:
        """Fill in what the marked visitor said the last time, to be changed."""
        if 0 <= self._marked < len(self._seen):
            self._fill_visit(self._seen[self._marked], with_name=True)

    def action_repeat(self) -> None:
        """Fill in what the one before said, the host of the roster included."""
        before = self._form.repeated or {}
        for name in ("origin", "purpose"):
            self._fill(name, before.get(name, ""))
        self._remember("host", "host_id", before.get("host", ""), before.get("host_id", ""))
        self._go_on()

    def take_card(self, event: IdCard | CardError) -> None:
        """Fill the form from a card, and from the last visit of whoever it is."""
        super().take_card(event)
        if isinstance(event, IdCard):
            self._known_by(event.id_number)

    def take_number(self, number: str) -> None:
        """Take an ID number, and fill in the last visit of whoever it is."""
        super().take_number(number)
        self._known_by(number)

    @property
    def _number(self) -> str:
        return self._secret("id_number").number

    def _typed(self) -> str:
        return self.focused.value.strip() if isinstance(self.focused, Input) else ""

    def _known_by(self, number: str) -> None:
        last = self._find.of_number(number)
        if last and self._number == number and not self.query_one("#host", Input).value.strip():
            self._fill_visit(last, with_name=False)

    def _take(self, number: int) -> bool:
        """Take the one of this number among those found; say whether there is one."""
        if 0 <= number < len(self._seen):
            self._fill_visit(self._seen[number], with_name=True)
            super().submit()
            return True
        if 0 <= number < len(self._hosts):
            host = self._hosts[number]
            self._remember("host", "host_id", f"{mask_name(host.name)} {plain(host.address, 40)}", host.person_id)
            self._go_on()
            return True
        return False

    def _fill_visit(self, last: LastVisit, *, with_name: bool) -> None:
        if with_name:
            self._remember("name", "person_id", mask_name(last.name), last.person_id)
            self._secret("id_number").put(f"*{last.tail}")
            self._written["id_number"] = self._number
        self._fill("origin", last.visit.origin)
        self._fill("purpose", last.visit.purpose)
        host_id = last.visit.host_id or ""
        host = f"{mask_name(last.visit.host)} {plain(last.address, 40)}" if host_id else last.visit.host
        self._remember("host", "host_id", host, host_id)
        if with_name:
            self.query_one("#host", Input).focus()
        else:
            self._go_on()

    def _remember(self, name: str, key: str, written: str, person_id: str) -> None:
        """Write somebody who was taken into a line, and know them as long as nobody changes it."""
        self._written[name], self._taken[key] = written, person_id
        self._fill(name, written)

    def _is_taken(self, name: str) -> bool:
        key = "host_id" if name == "host" else "person_id"
        now = self._number if name == "id_number" else self.query_one(f"#{name}", Input).value.strip()
        return bool(self._taken[key]) and now == self._written.get(name)

    def _mark(self, number: int) -> None:
        lines = [line_of_visit(one) for one in self._seen] or [line_of(one) for one in self._hosts]
        self._marked = min(number, len(lines) - 1)
        self.query_one("#found", Lines).show(lines, self._marked)

    def _values(self) -> dict[str, str]:
        values = super()._values()
        is_known = self._is_taken("name") and self._is_taken("id_number")
        if self._taken["person_id"] and not is_known:
            # What stands for somebody known is no name and no number of somebody else.
            values |= {name: "" for name in ("name", "id_number") if self._is_taken(name)}
        host_id = self._taken["host_id"] if self._is_taken("host") else ""
        return values | {"person_id": self._taken["person_id"] if is_known else "", "host_id": host_id}


def line_of_visit(one: LastVisit) -> str:
    """Return one line about a visitor who came before, names masked: who, and whom they visited what for."""
    tail = f"*{plain(one.tail, 4)}" if one.tail else ""
    cells = [column(mask_name(one.name), 12), tail.ljust(5), column(mask_name(one.visit.host), 10)]
    return "  ".join([*cells, column(plain(one.address, 40), 14), plain(one.visit.purpose, 16)]).rstrip()
