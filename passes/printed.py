"""What a printed pass shows, whatever it is printed on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from passes import fonts
from passes.plaintext import plain

Colour = Literal["none", "blue", "green", "red", "white", "yellow"]

_LONGEST_NOTE = 400


@dataclass(frozen=True, slots=True)
class PrintedPass:
    """One pass as people read it; `token` is the signed text in its code, both days are inclusive.

    `holder` is empty where policy leaves the name out. `kind_label`, `notes`, `valid_label` and `seal_label` come
    translated; `colour` is the kind's label colour. The texts are data: they are made harmless when they are drawn.
    """

    token: str
    number: str
    holder: str
    kind_label: str
    address: str
    valid_from: date
    valid_until: date
    community_name: str
    colour: Colour = "none"
    notes: tuple[str, ...] = ()
    valid_label: str = ""
    seal_label: str = ""

    @property
    def days(self) -> str:
        """The first and the last day, as printed."""
        return f"{self.valid_from} – {self.valid_until}"

    @property
    def numbered_notes(self) -> tuple[str, ...]:
        """The notes, numbered when there are several."""
        if len(self.notes) < 2:
            return self.notes
        return tuple(f"{place}. {note}" for place, note in enumerate(self.notes, 1))


def shown(text: str) -> str:
    """Return the text as it is drawn: harmless, and 〓 (geta) for each character that no font here has."""
    harmless = plain(text, _LONGEST_NOTE).strip()
    return "".join(char if fonts.face_of(char) else fonts.GETA for char in harmless)


def missing_characters(passes: Iterable[PrintedPass]) -> tuple[str, ...]:
    """Return the characters of these passes that no font here has, each once; they are drawn as 〓."""
    chars = dict.fromkeys(char for printed in passes for text in _texts(printed) for char in plain(text, _LONGEST_NOTE))
    return tuple(char for char in chars if fonts.face_of(char) is None)


def _texts(printed: PrintedPass) -> Iterator[str]:
    yield printed.community_name
    yield printed.kind_label
    yield printed.holder
    yield printed.address
    yield printed.number
    yield printed.valid_label
    yield printed.seal_label
    yield from printed.notes
