"""What `make locale` finds in commands beside the marked sentences: their docstrings and the help of their options."""

import ast
import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

from babel.messages.extract import extract_python

Found = tuple[int, str | None, str, list[str]]
"""Line, name of the mark, text, comments: what Babel wants of an extractor."""


def extract(file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Any) -> Iterator[Any]:
    """Yield what Babel finds in a Python file, and then the help of its click commands and options."""
    yield from extract_python(file, keywords, comment_tags, options)
    file.seek(0)
    yield from help_texts(ast.parse(file.read()))


def help_texts(tree: ast.Module) -> Iterator[Found]:
    """Yield the docstrings of the commands and groups in `tree`, and every literal `help=`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(map(_makes_command, node.decorator_list)):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield node.lineno, None, inspect.cleandoc(text), []
        elif isinstance(node, ast.keyword) and node.arg == "help" and isinstance(node.value, ast.Constant):
            yield node.value.lineno, None, str(node.value.value), []


def _makes_command(decorator: ast.expr) -> bool:
    name = ast.unparse(decorator.func).rpartition(".")[2] if isinstance(decorator, ast.Call) else ""
    return name in {"command", "group"}
