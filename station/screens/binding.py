"""Puts actions of the registry on the keys of a screen."""

from collections.abc import Iterable

from textual.dom import DOMNode

from station.actions import Action, bound, key_name
from station.i18n import _


def bind_actions(node: DOMNode, actions: Iterable[Action]) -> None:
    """Bind every action to its key, in the order of the footer."""
    for action in bound(actions):
        node._bindings.bind(
            action.key,
            action.calls or action.name,
            _(action.label),
            show=action.in_footer,
            key_display=key_name(action.key),
        )
