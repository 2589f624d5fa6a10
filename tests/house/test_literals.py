"""No text that users read stands outside the catalogues."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import calls, python_files, relative

SINKS = {
    "Static", "Label", "Content", "styled", "Column", "Field", "Line", "Choice", "ListRow", "FormDialog", "TellDialog",
    "DetailsDialog", "ChoiceDialog", "PickerDialog", "PinDialog", "RowsForm", "MatterForm", "KeysLine", "PlainInput",
    "ScanField", "Action", "Entry", "Row", "Setting", "hint", "_hint", "title_is", "update", "tell", "ask_note",
    "fill_in", "ask_pin", "show_nothing", "prove", "_prove", "_sign",
}  # fmt: skip
"""What puts a text before the guard."""

SHOWN = {
    **{key: {1} for key in ("Field", "Line", "yes_no", "Row")},
    **{key: {2, 3} for key in ("Action", "Entry")},
    "Setting": {1, 2},
    "Choice": {2},
    "ListRow": {1},
    "styled": {0},
}
"""Which of their first arguments are shown, where the others are for the code."""

NOT_SHOWN = {"id", "classes", "name", "key", "place", "calls", "first", "style", "other_key"}
ALLOWED = {
    "station/setting_rows.py 中文": "a language is called so by those who read it",
    "station/setting_rows.py English": "as above",
    "station/screens/first_run_rows.py 语言 Language": "it is asked before anybody has said which of them is read",
}
_WORD = re.compile(r"[A-Za-z]{2}|[\u4e00-\u9fff]")


def literals(call: ast.Call) -> Iterator[str]:
    """The words among what is shown by a call that no mark holds."""
    name = ast.unparse(call.func).rsplit(".", 1)[-1]
    shown = SHOWN.get(name, set(range(len(call.args))))
    given = [value for number, value in enumerate(call.args) if number in shown]
    for value in (*given, *(one.value for one in call.keywords if one.arg not in NOT_SHOWN)):
        yield from _texts(value)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _WORD.search(node.value):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from _texts(part) if isinstance(part, ast.Constant) else ()
    elif isinstance(node, ast.BinOp | ast.List | ast.Tuple | ast.IfExp):
        children = list(ast.iter_child_nodes(node))
        is_choice = isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[0], ast.Constant)
        for child in children[1:] if is_choice else children:  # a choice is a code and its words
            yield from _texts(child)


def test_no_text_is_shown_that_no_catalogue_holds() -> None:
    paths = [*python_files("station/screens", "station/dialogs", "station/widgets", "station/actions")]
    found = [
        f"{relative(path)} {text}"
        for path in [*paths, Path(__file__).parents[2] / "station" / "setting_rows.py"]
        for call in calls(path)
        if ast.unparse(call.func).rsplit(".", 1)[-1] in SINKS
        for text in literals(call)
    ]
    assert [one for one in found if one not in ALLOWED] == [], "mark it with _() or N_()"
    assert set(ALLOWED) - set(found) == set()


def test_the_test_finds_what_it_looks_for() -> None:
    code = 'Static("Some words", id="x"); Field("name", f"Say {x}"); hint("喂" + y); Label(_("marked")); Line("a", "b")'
    found = [text for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) for text in literals(node)]
    assert sorted(found) == ["Say ", "Some words", "marked", "喂"]  # the mark itself is a call too
