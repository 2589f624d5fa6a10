"""What several commands share: the folder, an open station, JSON output."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from station.assembly import Station, open_station
from station.i18n import choose_language, set_language
from station.settings import default_folder
from station.storage import FILE_NAME, storage_errors

Command = TypeVar("Command", bound=Callable[..., Any])


def folder_option(command: Command) -> Command:
    """Add `--dir` to a command that works on one station."""
    return click.option(
        "--dir", "folder", type=click.Path(path_type=Path), help="The station's folder (default: GATEPOST_DIR)."
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json` to a command that can answer machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


@contextmanager
def station_in(folder: Path | None, lang: str | None = None) -> Iterator[Station]:
    """Open the station in `folder`, or the default one, and speak its language unless another was asked for."""
    root = click.get_current_context().find_root()
    named = folder or root.params.get("folder") or default_folder()
    with storage_errors(named / FILE_NAME), open_station(named) as station:
        set_language(choose_language(lang or root.params.get("lang"), station.settings.gate.language))
        yield station


def echo_json(value: Mapping[str, object] | list[Any]) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
