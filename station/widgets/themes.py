"""How the station looks: day, night and contrast, and nothing that a Chinese console might draw twice as wide."""

from typing import Any, Final

from textual.app import App
from textual.theme import Theme

from station.settings import ScreenSettings

THEMES: Final = (
    # No pure white at night: the eyes of whoever looks up from the screen must find the queue.
    Theme(
        "night",
        primary="#1e4976",
        accent="#8ab8e6",
        warning="#ffb300",
        foreground="#c8ccd0",
        background="#101316",
        surface="#1a1e23",
        panel="#232930",
        boost="#1f252b",
        dark=True,
    ),
    Theme(
        "day",
        primary="#bcd3ea",
        accent="#1e4976",
        warning="#8a4b00",
        foreground="#111418",
        background="#f4f5f2",
        surface="#e6e9e6",
        panel="#dce2e4",
        boost="#e9edea",
        dark=False,
    ),
    Theme(
        "contrast",
        primary="#ffffff",
        accent="#ffffff",
        warning="#ffffff",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        boost="#000000",
        dark=True,
        text_alpha=1.0,
    ),
)

CSS: Final = """
.-safe * { text-overflow: clip; }
.-contrast VerdictPanel.-allow { background: #000000; color: #ffffff; text-style: bold; }
.-contrast VerdictPanel.-wait { background: #000000; color: #ffffff; }
.-contrast VerdictPanel.-attention { background: #000000; color: #ffffff; text-style: bold underline; }
.-contrast VerdictPanel.-refuse { background: #ffffff; color: #000000; text-style: bold; }
.-contrast ReadingPanel.-fever { background: #ffffff; color: #000000; text-style: bold; }
.-contrast HealthLine.-trouble { background: #ffffff; color: #000000; text-style: bold; }
.-contrast StatusLine { background: #ffffff; color: #000000; }
"""
"""What a theme's colours cannot say: in contrast only black, white and bold; with safe glyphs no ellipsis."""


def dress(app: App[Any], settings: ScreenSettings) -> None:
    """Show the app as the settings want it, from now on."""
    if settings.theme not in app.available_themes:
        for theme in THEMES:
            app.register_theme(theme)
    app.theme = settings.theme
    app.set_class(settings.theme == "contrast", "-contrast")
    app.set_class(settings.glyphs == "safe", "-safe")
