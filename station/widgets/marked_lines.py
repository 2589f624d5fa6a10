"""Lines of which one is marked, by the keys of whoever shows them or by the mouse."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from station.widgets.lines import column


class Lines(Static):
    """Lines of which one is marked; where not all fit, the ones around it are shown."""

    class Clicked(Message):
        """The mouse was pressed on a line, counted from 0."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(markup=False, id=id)
        self._lines: list[str] = []
        self._marked = -1
        self._first = 0

    def show(self, lines: list[str], marked: int) -> None:
        """Show the lines; `marked` counts from 0, -1 marks none."""
        self._lines, self._marked = lines, marked
        self._paint()

    def on_resize(self, _event: events.Resize) -> None:
        """Show as many as fit now."""
        self._paint()

    def on_click(self, event: events.Click) -> None:
        """Tell which line was meant."""
        place = event.get_content_offset(self)
        if place is not None and self._first + place.y < len(self._lines):
            self.post_message(self.Clicked(self._first + place.y))

    def _paint(self) -> None:
        height, width = max(1, self.content_size.height), self.content_size.width
        self._first = first = max(0, min(self._marked - height // 2, len(self._lines) - height))
        shown = []
        for number, line in enumerate(self._lines[first : first + height], first):
            text = column(("> " if number == self._marked else "  ") + line, width)
            shown.append(Content.styled(text, "bold reverse") if number == self._marked else Content(text))
        self.update(Content("\n").join(shown))
