"""`--help` in the user's language: the words of our commands and of click itself, wrapped by columns."""

import copy
import gettext
import inspect
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import click

from station.i18n import LANGUAGES, LOCALE_DIR, N_, Language, _, set_language

CLICK_WORDS = (
    N_("Usage:"),
    N_("Options"),
    N_("Commands"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Show this message and exit."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing command."),
    N_("No such option {name!r}."),
    N_("No such command {name!r}."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("Choose from:\n\t{choices}"),
    N_("{value!r} is not a valid {number_type}."),
    N_("{value} is not in the range {range}."),
    N_("Option {name!r} does not take a value."),
    N_("Argument {name!r} takes {nargs} values."),
    N_("Repeat for confirmation"),
    N_("Error: The two entered values do not match."),
    N_("default: {default}"),
    N_("required"),
)
"""The sentences of click that our users may meet; click asks gettext for them in `speak`'s catalogue."""

_PIECE = re.compile(r"\s+|(?:[^\s\u2e80-\U0010ffff]+|\S)[，。；：、！？）”]*")
"""Where a line may end: at spaces and after a Chinese character, but never before a mark that closes."""

_FIRST_SENTENCE = re.compile(r".*?(?:[。；;]|\.(?=\s)|:(?=\s)|$)", re.DOTALL)

Told = TypeVar("Told", bound=click.Command)


class WideFormatter(click.HelpFormatter):
    """Counts a Chinese character as the two columns that it takes, and ends lines after any of them."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called."""
        told = prefix or _("Usage:") + " "
        wider = _columns(told) - len(told)
        self.width -= wider
        super().write_usage(prog, args, told)
        self.width += wider

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        super().write_text(_wrapped(text, max(self.width - self.current_indent, 11)))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write two columns, of which the first is what people type."""
        told = list(rows)
        first_columns = min(max(len(first) for first, _second in told), col_max) + col_spacing
        columns = max(self.width - self.current_indent - first_columns, 10)
        super().write_dl([(first, _wrapped(second, columns)) for first, second in told], col_max, col_spacing)


class WideContext(click.Context):
    """A context whose help is wrapped by columns."""

    formatter_class = WideFormatter


class OneOf(click.Option):
    """An option whose help ends with the `names` that it may be, which are the same in every language."""

    def __init__(self, declarations: Sequence[str], *, names: Sequence[str], **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.names = names


def speak(language: Language) -> None:
    """Use `language` from now on, in click's own sentences too: click asks gettext, which reads LANGUAGE."""
    set_language(language)
    os.environ["LANGUAGE"] = LANGUAGES[language]
    gettext.bindtextdomain("gatepost", str(LOCALE_DIR))
    gettext.textdomain("gatepost")


def worded(command: Told) -> Told:
    """Return `command`, and all below it, with help in the language in use; in lists its first sentence stands."""
    told = copy.copy(command)
    told.context_class = WideContext
    told.help = _(inspect.cleandoc(command.help or ""))
    first = _FIRST_SENTENCE.match(told.help)
    told.short_help = " ".join(first.group().split()).rstrip("。；;:.") if first else ""
    told.params = [_worded_option(param) for param in command.params]
    if isinstance(told, click.Group):
        told.commands = {name: worded(below) for name, below in told.commands.items()}
    return told


def _worded_option(param: click.Parameter) -> click.Parameter:
    if not isinstance(param, click.Option) or not param.help:
        return param
    told = copy.copy(param)
    told.help = _(param.help)
    if isinstance(param, OneOf):
        told.help += " " + ", ".join(param.names)
    return told


def _wrapped(text: str, columns: int) -> str:
    """Break paragraphs into lines; behind each mark of click's (backspace) stands one that it leaves as it is."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join("\b\n" + "\n".join(_lines(paragraph, columns)) for paragraph in paragraphs)


def _lines(paragraph: str, columns: int) -> list[str]:
    lines, free = [""], columns
    for piece in _PIECE.findall(paragraph):
        width = _columns(piece)
        if width > free and lines[-1]:
            lines.append("")
            free = columns
        if lines[-1] or piece.strip():
            lines[-1] += piece
            free -= width
    return [line.rstrip() for line in lines]


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1 for char in text)
