"""What the community orders for all its gates: the kinds of passes and the mode, each from an instant on."""

from typing import TypeVar

import msgspec
import sqlalchemy as sa

from passes.errors import N_, UsageError
from passes.kinds import PRESETS, Kind, Mode
from passes.plaintext import plain
from sync.bodies import Body, KindSet, ModeSet
from sync.community.database import events, reading, writing
from sync.community.journal import OFFICE, append
from sync.events import Event, read_body

MAX_KINDS = 200
_MOST_CHARS = {"code": 32, "label": 40}

AnyBody = TypeVar("AnyBody", bound=Body)


def set_kind(engine: sa.Engine, community: str, kind: Kind, effective_ms: int, now_ms: int) -> Event:
    """Record what a kind allows from `effective_ms` on; gates learn it by the feed.

    Raises `UsageError` for numbers, texts or hours that no pass could have.
    """
    check_kind(kind)
    return _record(engine, community, KindSet(kind=kind, effective_ms=effective_ms), now_ms)


def set_mode(engine: sa.Engine, community: str, mode: Mode, effective_ms: int, now_ms: int) -> Event:
    """Record how strictly the gates are kept from `effective_ms` on."""
    return _record(engine, community, ModeSet(mode=mode, effective_ms=effective_ms), now_ms)


def check_kind(kind: Kind) -> None:
    """Raise `UsageError`, naming the field, for a kind that cannot be."""
    wrong = [name for name, most in _MOST_CHARS.items() if not _is_plain(getattr(kind, name), most)]
    wrong += [name for name in ("period_days", "trips", "minutes_away") if not _is_number(kind, name)]
    wrong += ["notes" for note in kind.notes if not _is_plain(note, 200)]
    if wrong:
        raise UsageError(
            N_('kind {code}: {field} = "{value}" cannot be; correct it'),
            code=plain(kind.code, 32),
            field=wrong[0],
            value=plain(str(getattr(kind, wrong[0])), 60),
        )


def kinds_at(engine: sa.Engine, community: str, now_ms: int) -> list[tuple[Kind, int | None, bool]]:
    """Return every kind with the instant since (or from) which it holds, None for a preset, and whether it does now.

    A kind that changes later appears once more, with its later instant.
    """
    settings = sorted(_all(engine, community, "kind.set", KindSet), key=lambda setting: setting.effective_ms)
    now: dict[str, tuple[Kind, int | None]] = {code: (kind, None) for code, kind in PRESETS.items()}
    later = []
    for setting in settings:
        if setting.effective_ms <= now_ms:
            now[setting.kind.code] = (setting.kind, setting.effective_ms)
        else:
            later.append((setting.kind, setting.effective_ms, False))
    return [*((kind, since_ms, True) for kind, since_ms in now.values()), *later]


def modes_from(engine: sa.Engine, community: str, now_ms: int) -> list[tuple[Mode, int | None]]:
    """Return the mode that holds now, since when (None: from the start), and those that follow."""
    settings = sorted(_all(engine, community, "mode.set", ModeSet), key=lambda setting: setting.effective_ms)
    past = [(setting.mode, setting.effective_ms) for setting in settings if setting.effective_ms <= now_ms]
    now: tuple[Mode, int | None] = past[-1] if past else (Mode.CLOSED, None)
    return [now, *((setting.mode, setting.effective_ms) for setting in settings if setting.effective_ms > now_ms)]


def _record(engine: sa.Engine, community: str, body: Body, now_ms: int) -> Event:
    with writing(engine) as connection:
        return append(connection, community, body, now_ms)


def _all(engine: sa.Engine, community: str, kind: str, body_type: type[AnyBody]) -> list[AnyBody]:
    query = (
        sa.select(events.c.body)
        .where(events.c.community == community, events.c.station == OFFICE, events.c.kind == kind)
        .order_by(events.c.feed_no)
    )
    with reading(engine) as connection:
        bodies = [read_body(kind, msgspec.Raw(row.body.encode())) for row in connection.execute(query)]
    return [body for body in bodies if isinstance(body, body_type)]


def _is_plain(text: str, most: int) -> bool:
    return bool(text.strip()) and plain(text, most) == text


def _is_number(kind: Kind, name: str) -> bool:
    least, most = (1, 3660) if name == "period_days" else (0, 10_000)
    value = getattr(kind, name)
    return value is None or least <= value <= most
