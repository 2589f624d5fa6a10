"""Asks who is responsible before something is done, and again with the reason where that was not proved."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from textual.app import App

from passes.errors import UsageError
from station.access import AccessError, Member, Role
from station.assembly import Station
from station.dialogs.pin import PinDialog, Proof
from station.i18n import explain


def ask_pin(
    app: App[Any],
    station: Station,
    title: str,
    role: Role,
    told: Callable[[], AbstractContextManager[None]],
    proved: Callable[[Member], object],
) -> None:
    """Ask for somebody who may do what `role` is needed for, and call `proved` with them under `told`.

    Nothing is done after Esc. `title` says in the user's language what they answer for.
    """

    def ask(trouble: str = "", name: str = "") -> None:
        app.push_screen(PinDialog(title, station.access.provers(role), role, trouble, name), closed)

    def closed(proof: Proof | None) -> None:
        if proof is None:
            return
        with told():
            try:
                member = station.access.verify(proof.name, proof.pin, role)
            except (AccessError, UsageError) as error:
                app.bell()
                ask(explain(error), proof.name)
                return
            proved(member)

    ask()
