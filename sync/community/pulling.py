"""Pulling passages out of the database for one person of the office: permission, log entry, then the data."""

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from passes.errors import N_
from sync.community.exports import Say, log_export, make_sheet, to_csv, to_json, to_xlsx
from sync.community.persons import tails
from sync.community.settings import CommunitySettings
from sync.community.shiftlog import Selection, list_passages
from sync.community.staff import MAY_UNMASK, NotAllowedError, check_staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What somebody asks for; `file_format` is csv, xlsx or json. `password` proves `staff_name`."""

    selection: Selection
    file_format: str
    unmask: bool = False
    staff_name: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"<Pull {self.selection} as {self.file_format}>"


def pull_passages(
    engine: sa.Engine, settings: CommunitySettings, wish: Pull, now_ms: int, say: Say = str
) -> tuple[int, bytes]:
    """Return how many passages were selected and the file's bytes; the pull is in the exports log before that.

    Raises `NotAllowedError` when the account is not proven or its role may not see whole names, `UsageError` for a
    shift that is unknown, `DatabaseError`.
    """
    community = settings.community.id
    if wish.unmask or wish.staff_name is not None:
        name = wish.staff_name or ""
        role = check_staff(engine, community, name, wish.password or "")
        if wish.unmask and role not in MAY_UNMASK:
            raise NotAllowedError(
                N_("staff {name!r}: the role {role} sees masked names only; leave out --unmask"), name=name, role=role
            )
    passages = list_passages(engine, community, wish.selection, settings.zone)
    holders = {passage.body.holder_id for passage in passages if passage.body.holder_id}
    ends = tails(engine, community, holders)
    sheet = make_sheet(passages, settings.zone, unmasked=wish.unmask, tails=ends)
    if wish.file_format == "json":
        data = to_json(sheet)
    elif wish.file_format == "csv":
        data = to_csv(sheet, say)
    else:
        data = to_xlsx(sheet, now_ms, say)
    log_export(
        engine,
        community,
        sheet,
        staff_name=wish.staff_name,
        selection=msgspec.json.encode(wish.selection).decode(),
        file_format=wish.file_format,
        now_ms=now_ms,
    )
    return len(passages), data
