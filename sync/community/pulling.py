"""Taking a table out of the database for one person of the office: permission, then the data, and a log entry.

The log entry is on disk before anybody has the data; what could not be logged is not handed out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec
import sqlalchemy as sa

from passes.errors import N_
from sync.community.exports import log_export, make_sheet
from sync.community.persons import tails
from sync.community.settings import CommunitySettings
from sync.community.sheets import Say, Sheet, save_by, write_csv, write_json, write_xlsx
from sync.community.shiftlog import Selection, each_passage
from sync.community.staff import MAY_UNMASK, NotAllowedError, check_staff
from sync.community.streaming import streaming


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks for a table, and how; `file_format` is csv, xlsx, json or pdf. `password` proves `staff_name`."""

    file_format: str
    unmask: bool = False
    staff_name: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"<Asking for {self.file_format}>"


@dataclass(frozen=True, slots=True)
class Office:
    """Where tables come from: the community's database and settings, the present time, and the language."""

    engine: sa.Engine
    settings: CommunitySettings
    now_ms: int
    say: Say = str

    @property
    def community(self) -> str:
        """The community's id."""
        return self.settings.community.id


def check_permission(office: Office, asking: Asking) -> None:
    """Raise `NotAllowedError` when the account is not proven or its role may not see whole names."""
    if not asking.unmask and asking.staff_name is None:
        return
    name = asking.staff_name or ""
    role = check_staff(office.engine, office.community, name, asking.password or "")
    if asking.unmask and role not in MAY_UNMASK:
        raise NotAllowedError(
            N_("staff {name!r}: the role {role} sees masked names only; leave out --unmask"), name=name, role=role
        )


def pull_passages(office: Office, selection: Selection, asking: Asking, path: Path | None) -> tuple[int, bytes]:
    """Write the selected passages to `path`, or return them as bytes when that is None; first, how many there are.

    Raises what `check_permission` and `hand_out` raise, and `UsageError` for a shift that is unknown.
    """
    check_permission(office, asking)
    zone = office.settings.zone

    def make(connection: sa.Connection) -> Sheet:
        ends = tails(connection, office.community)
        passages = each_passage(connection, office.community, selection, zone)
        return make_sheet(passages, zone, unmasked=asking.unmask, tails=ends)

    return hand_out(office, make, msgspec.json.encode(selection).decode(), asking, path)


def hand_out(
    office: Office, make: Callable[[sa.Connection], Sheet], selection: str, asking: Asking, path: Path | None
) -> tuple[int, bytes]:
    """Write the table that `make` reads to `path`, or return its bytes when that is None, and log the export before.

    Raises `ExportError`, `DatabaseError`, and `UsageError` for a table that is too long to be printed.
    """

    def write(out: BinaryIO) -> int:
        # The log is written when nothing is read any more: without WAL, SQLite makes a writer wait for readers.
        with streaming(office.engine) as connection:
            return _write(make(connection), office, asking.file_format, out)

    def log(count: int) -> None:
        log_export(
            office.engine,
            office.community,
            staff_name=asking.staff_name,
            selection=selection,
            file_format=asking.file_format,
            count=count,
            unmasked=asking.unmask,
            now_ms=office.now_ms,
        )

    if path is not None:
        return save_by(path, write, log), b""
    with TemporaryFile() as out:
        count = write(out)
        log(count)
        out.seek(0)
        return count, out.read()


def _write(sheet: Sheet, office: Office, file_format: str, out: BinaryIO) -> int:
    if file_format == "json":
        return write_json(sheet, out)
    if file_format == "csv":
        return write_csv(sheet, out, office.say)
    if file_format == "xlsx":
        return write_xlsx(sheet, out, office.now_ms, office.say)
    from sync.community.sheet_pdf import write_pdf

    return write_pdf([sheet], out, office.settings.community.name, office.say)
