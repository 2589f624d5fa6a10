"""What several commands share: the folder, an open station, JSON output."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from passes.errors import N_, UsageError
from station.assembly import Station, open_station
from station.i18n import _, choose_language, set_language
from station.settings import ISSUING_KEY_FILE, default_folder
from station.storage import FILE_NAME, storage_errors

if TYPE_CHECKING:
    from station.issuing import Desk

PASSPHRASE_VARIABLE = "GATEPOST_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable

Command = TypeVar("Command", bound=Callable[..., Any])


class DateType(click.ParamType[date]):
    """A calendar day as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ARG002 - click's signature
        """Read the day; raises `UsageError` for one that does not exist."""
        try:
            day = value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            day = None
        # Python reads week dates and undashed ones too, which nobody checks at a glance.
        if day is None or str(day) != str(value):
            option = param.opts[0] if param else ""
            raise UsageError(
                N_('{option} = "{value}": no such day; write it like 2026-03-31'), option=option, value=value
            )
        return day


def folder_option(command: Command) -> Command:
    """Add `--dir` to a command that works on one station."""
    return click.option(
        "--dir", "folder", type=click.Path(path_type=Path), help="The station's folder (default: GATEPOST_DIR)."
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json` to a command that can answer machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def passphrase_option(command: Command) -> Command:
    """Add `--passphrase-file` to a command that signs with the station's issuing key."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path),
        help="File with the issuing key's passphrase (default: GATEPOST_KEY_PASSPHRASE, else it is asked for).",
    )(command)


def desk_of(station: Station, passphrase_file: Path | None = None) -> "Desk":
    """Open the station's desk, with the passphrase of its key where that has one."""
    question = _("Passphrase of the issuing key")
    return station.desk(key_passphrase(station.folder / ISSUING_KEY_FILE, passphrase_file, question))


def key_passphrase(key_file: Path, passphrase_file: Path | None, question: str) -> str | None:
    """Return what opens a private key, None when it is not encrypted.

    It stands in a file, in the environment, or is asked for at the terminal. Raises `KeyFileError` for a file that
    cannot be used, `UsageError` when there is nobody to ask.
    """
    from passes.keyfiles import needs_passphrase, read_passphrase

    if passphrase_file is not None:
        return read_passphrase(passphrase_file)
    if not key_file.exists() or not needs_passphrase(key_file):
        return None
    return os.environ.get(PASSPHRASE_VARIABLE) or ask_passphrase(question)


def ask_passphrase(question: str, *, confirm: bool = False) -> str:
    """Ask at the terminal, without showing what is typed; raises `UsageError` where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(
            N_("the key needs a passphrase and nobody can be asked here; give --passphrase-file or set {variable}"),
            variable=PASSPHRASE_VARIABLE,
        )
    answer: str = click.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def instant(option: str, text: str, zone: ZoneInfo) -> int:
    """Return UTC milliseconds for an ISO 8601 time; without an offset it is wall time in `zone`.

    Raises `UsageError` for what is no time since 1970, and for a wall time that clocks skip or show twice.
    """
    try:
        given = datetime.fromisoformat(text)
        at = given if given.tzinfo else given.replace(tzinfo=zone)
        at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        at_ms = -1
    if at_ms < 0:
        raise UsageError(
            N_("{option} {value!r}: write a time like 2026-03-10T08:00 or 2026-03-10T00:00:00Z"),
            option=option,
            value=text[:80],
        )
    if not given.tzinfo and at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset():
        raise UsageError(
            N_("{option} {value}: clocks skip or repeat this time in {zone}; add the offset, as in {value}+08:00"),
            option=option,
            value=text,
            zone=zone.key,
        )
    return at_ms


def station_folder(folder: Path | None) -> Path:
    """Return the folder that a command works in: `--dir` behind or before the command, else the default one."""
    named: Path | None = folder or click.get_current_context().find_root().params.get("folder")
    return named or default_folder()


@contextmanager
def station_in(folder: Path | None, lang: str | None = None) -> Iterator[Station]:
    """Open the station in `folder`, or the default one, and speak its language unless another was asked for."""
    root = click.get_current_context().find_root()
    named = station_folder(folder)
    with storage_errors(named / FILE_NAME), open_station(named) as station:
        set_language(choose_language(lang or root.params.get("lang"), station.settings.gate.language))
        yield station


def echo_json(value: Mapping[str, object] | list[Any]) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
