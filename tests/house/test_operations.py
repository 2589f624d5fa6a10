"""docs/operations.md: both languages give the same commands, and each of ours is one that the program understands."""

import re
import shlex

import click

from station.cli import gatepost
from tests.house.tree import ROOT

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands(name: str) -> list[str]:
    """Return the commands of a document, each on one line, in their order and without the language."""
    blocks = "".join(_BLOCK.findall((ROOT / "docs" / name).read_text("utf-8")))
    lines = re.sub(r"\\\n\s*", "", blocks).replace(" --lang en", "").splitlines()
    return [line for line in lines if line[:2] in {"# ", "$ "}]


def test_both_languages_give_the_same_commands() -> None:
    assert commands("operations.zh.md") == commands("operations.md")
    assert len(commands("operations.md")) > 50


def test_every_command_is_understood() -> None:
    found = [line.removeprefix("$ ").rpartition(" -- ")[2] for line in commands("operations.md")]
    ours = [shlex.split(line) for line in found if line.startswith("gatepost ")]
    assert len(ours) > 20
    for words in ours:
        command: click.Command = gatepost
        rest = words[1:]
        while isinstance(command, click.Group) and not rest[0].startswith("-"):
            inner = command.get_command(click.Context(command), rest.pop(0))
            assert inner is not None, words
            command = inner
        command.make_context(words[-1], rest, resilient_parsing=True)
        unknown = {word for word in rest if word.startswith("--")} - {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        assert unknown == set(), words
