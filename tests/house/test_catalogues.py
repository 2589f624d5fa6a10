"""The catalogues hold every sentence of the code, translated, with the same fields; `make locale` updates them."""

import ast
import string
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import babel_help
from station.i18n import LANGUAGES, LOCALE_DIR
from tests.house.tree import FLOORS, calls, python_files, relative

_REMEDY = "run `make locale`, then fill in the empty msgstr of station/locale/zh_CN/LC_MESSAGES/gatepost.po"


@cache
def _sentences() -> dict[str, str]:
    """Every marked sentence of the code, and a place where it stands."""
    found: dict[str, str] = {}
    for path in python_files(*FLOORS):
        method: Any = babel_help.extract if "/cli/" in relative(path) else "python"
        for line, message, _comments, _context in extract_from_file(method, path, keywords={"_": None, "N_": None}):
            assert isinstance(message, str), f"{relative(path)}:{line} plural forms are not used here: {message!r}"
            found.setdefault(message, f"{relative(path)}:{line}")
    return found


@cache
def _catalogue(name: str) -> Catalog:
    with _source(name).open("rb") as file:
        return read_po(file, locale=name, abort_invalid=True)


def _source(name: str) -> Path:
    return LOCALE_DIR / name / "LC_MESSAGES" / "gatepost.po"


def _messages(name: str) -> dict[str, Message]:
    return {str(message.id): message for message in _catalogue(name) if message.id}


def _fields(sentence: object) -> set[str]:
    """The names filled into `sentence`; raises ValueError for a brace that str.format cannot read."""
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(str(sentence)) if name is not None}


def _listed(sentences: list[str]) -> str:
    return "\n".join(f"  {_sentences().get(sentence, 'catalogue')}: {sentence!r}" for sentence in sentences)


@pytest.mark.parametrize("name", LANGUAGES.values())
def test_every_sentence_is_in_the_catalogue(name: str) -> None:
    missing = sorted(_sentences().keys() - _messages(name).keys())
    assert missing == [], f"{len(missing)} sentences are missing in {name}; {_REMEDY}:\n{_listed(missing)}"


@pytest.mark.parametrize("name", LANGUAGES.values())
def test_no_message_is_stale(name: str) -> None:
    stale = sorted(_messages(name).keys() - _sentences().keys()) + sorted(map(str, _catalogue(name).obsolete))
    assert stale == [], f"{len(stale)} messages of {name} stand nowhere in the code; run `make locale`:\n" + "\n".join(
        map(repr, stale)
    )


def test_every_sentence_is_in_chinese() -> None:
    open_ones = sorted(key for key, message in _messages("zh_CN").items() if not message.string or message.fuzzy)
    assert open_ones == [], f"{len(open_ones)} sentences are not translated; {_REMEDY}:\n{_listed(open_ones)}"


@pytest.mark.parametrize("name", LANGUAGES.values())
def test_fields_are_the_same_in_translation(name: str) -> None:
    wrong = [
        key for key, message in _messages(name).items() if message.string and _fields(key) != _fields(message.string)
    ]
    assert wrong == [], f"the {{fields}} of msgid and msgstr differ in {name}:\n{_listed(wrong)}"


@pytest.mark.parametrize("name", LANGUAGES.values())
def test_compiled_catalogue_is_the_source(name: str) -> None:
    compiled = _source(name).with_suffix(".mo")
    assert compiled.exists(), f"{relative(compiled)} is missing: run `make locale` or `pip install -e .`"
    with compiled.open("rb") as file:
        shipped = {str(message.id): message.string for message in read_mo(file) if message.id}
    source = {key: message.string for key, message in _messages(name).items() if message.string and not message.fuzzy}
    assert shipped == source, f"{relative(compiled)} is old: run `make locale`"


def test_marks_hold_plain_sentences() -> None:
    computed = [
        f"{relative(path)}:{call.lineno} {ast.unparse(call)}"
        for path in python_files(*FLOORS)
        for call in calls(path)
        if _name(call) in {"_", "N_"} and not _is_looked_up(call, path)
    ]
    assert computed == [], "a mark takes one literal, never an f-string or a sum; fill fields with .format:\n" + (
        "\n".join(computed)
    )


def test_sentences_are_given_their_values() -> None:
    """A field without its value would be a traceback where the user should read a sentence."""
    wrong = []
    for path in python_files(*FLOORS):
        for call in calls(path):
            names = {keyword.arg for keyword in call.keywords}
            lacking = _fields_to_fill(call) - names
            if lacking and None not in names:
                wrong.append(f"{relative(path)}:{call.lineno} lacks {', '.join(sorted(lacking))}")
    assert wrong == [], "\n".join(wrong)


def _fields_to_fill(call: ast.Call) -> set[str]:
    """The fields of the sentence in `Error(N_("…"), …)` or `_("…").format(…)`; empty for any other call."""
    marks: list[ast.expr] = []
    if isinstance(call.func, ast.Attribute) and call.func.attr == "format":
        marks = [call.func.value]
    elif _name(call).endswith("Error"):
        marks = call.args
    for mark in marks:
        if isinstance(mark, ast.Call) and _name(mark) in {"_", "N_"} and mark.args:
            sentence = mark.args[0]
            return _fields(sentence.value) if isinstance(sentence, ast.Constant) else set()
    return set()


def _is_looked_up(call: ast.Call, path: Path) -> bool:
    """Whether `call` marks one literal or, for `_`, translates what was marked elsewhere."""
    argument = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if isinstance(argument, ast.Constant):
        return isinstance(argument.value, str) and bool(argument.value)
    is_computed = argument is None or isinstance(argument, ast.JoinedStr | ast.BinOp)
    return _name(call) == "_" and not is_computed and path.suffix == ".py"


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rsplit(".", 1)[-1]
