"""What the office's commands share: the folder, its open database, the root key's passphrase, instants and JSON."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from station.cli.common import key_passphrase
from station.i18n import _

if TYPE_CHECKING:
    from sync.community.database import Engine
    from sync.community.settings import CommunitySettings

PASSWORD_VARIABLE = "GATEPOST_PASSWORD"  # noqa: S105 - the name of a variable

in_folder = click.option(
    "--dir",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The community's folder.",
)
as_json = click.option("--json", "wants_json", is_flag=True, help="Print JSON for machines.")
with_passphrase = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="File with the root key's passphrase (default: GATEPOST_KEY_PASSPHRASE, else it is asked for).",
)


PASSWORD_VARIABLE = "GATEPOST_PASSWORD"  # noqa: S105 - the name of a variable


@contextmanager
def community_in(folder: Path) -> "Iterator[tuple[CommunitySettings, Engine]]":
    """Open the folder's settings and database, and see that both belong together and to this version."""
    from sync.community.database import open_engine
    from sync.community.registry import find_community
    from sync.community.schema import require_current
    from sync.community.settings import load_settings

    settings = load_settings(folder)
    engine = open_engine(settings.database_url(folder))
    try:
        require_current(engine)
        find_community(engine, settings.community.id)
        yield settings, engine
    finally:
        engine.dispose()


def root_passphrase(folder: Path, passphrase_file: Path | None) -> str | None:
    """Return what opens the folder's root key, None when it is not encrypted.

    Raises `KeyFileError` for a file that cannot be used, `UsageError` when there is nobody to ask.
    """
    from sync.community.office import ROOT_KEY_FILE

    return key_passphrase(folder / ROOT_KEY_FILE, passphrase_file, _("Passphrase of the root key"))


def staff_password(*, confirm: bool) -> str:
    """Return the password of whoever asks: from GATEPOST_PASSWORD, else from the terminal."""
    found = os.environ.get(PASSWORD_VARIABLE)
    if found is not None:
        return found
    password: str = click.prompt(_("Password"), hide_input=True, confirmation_prompt=confirm, err=True)
    return password


def when(at_ms: int | None, zone: ZoneInfo) -> str:
    """Return an instant (UTC milliseconds) as local time to the minute, empty for None."""
    from sync.community.instants import local_time

    return "" if at_ms is None else f"{local_time(at_ms, zone):%Y-%m-%d %H:%M}"


def print_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value))
