"""The app of the first run: the keyboard and one screen, before there is a station for the gate's own app."""

from pathlib import Path

from textual import events
from textual.app import App

from station.first_run import FirstRun
from station.i18n import language
from station.screens.first_run import FirstRunScreen
from station.screens.messages import CodeRead
from station.settings import ScreenSettings
from station.widgets.keyboard import Keyboard
from station.widgets.themes import CSS, dress


def ask_first(folder: Path) -> bool:
    """Ask what a station in `folder` needs, and say whether there is one now."""
    return bool(FirstRunApp(FirstRun.take_up(folder, language())).run())


class FirstRunApp(App[bool]):
    """Returns True when there is a station now; else the questions were left, or given up."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    TITLE = "Gatepost 岗亭"

    def __init__(self, run: FirstRun) -> None:
        super().__init__()
        self._first_run = run
        self._keyboard = Keyboard(self, self._take_code)

    def on_mount(self) -> None:
        """Begin."""
        dress(self, ScreenSettings())
        self.push_screen(FirstRunScreen(self._first_run))

    async def on_event(self, event: events.Event) -> None:
        """Keep the keys of a scanner that types from the field."""
        if isinstance(event, events.Key) and not event.is_forwarded and self._keyboard.holds(event):
            return
        await super().on_event(event)

    async def action_quit(self) -> None:
        """Leave; the next start goes on where it was left."""
        if isinstance(self.screen, FirstRunScreen) and self.screen.told_of(self._first_run.keep):
            self.exit()

    def on_code_read(self, message: CodeRead) -> None:
        """Take a code that got into the field more slowly than scanners type."""
        self._take_code(message.text)

    def _take_code(self, _text: str) -> None:
        if isinstance(self.screen, FirstRunScreen):
            self.screen.code_read()
