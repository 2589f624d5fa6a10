"""Which kind of pass meant what, and when: the presets, and what the community has set since."""

import logging

import msgspec
import sqlalchemy as sa

from passes.kinds import PRESETS, Kind
from sync.bodies import KindSet
from sync.community.database import events
from sync.events import OFFICE, read_body

logger = logging.getLogger("gatepost.community")


class KindBook:
    """The kinds of one community over time."""

    def __init__(self, settings: list[KindSet]) -> None:
        self._settings: dict[str, list[KindSet]] = {}
        # A stable sort: of two that take effect at once the one set later holds.
        for setting in sorted(settings, key=lambda setting: setting.effective_ms):
            self._settings.setdefault(setting.kind.code, []).append(setting)

    def at(self, code: str | None, at_ms: int) -> Kind | None:
        """Return what the kind `code` allowed at the instant `at_ms`; None for a kind that there was not."""
        if code is None:
            return None
        in_force = [setting.kind for setting in self._settings.get(code, []) if setting.effective_ms <= at_ms]
        return in_force[-1] if in_force else PRESETS.get(code)

    def counted_longer_than(self, days: int) -> frozenset[str]:
        """Return the kinds that ever had a limit for more than so many days."""
        kinds = [*PRESETS.values(), *(setting.kind for settings in self._settings.values() for setting in settings)]
        return frozenset(kind.code for kind in kinds if kind.trips is not None and kind.period_days > days)

    def ever(self, code: str | None) -> list[Kind]:
        """Return everything that the kind `code` ever was."""
        if code is None:
            return []
        preset = [PRESETS[code]] if code in PRESETS else []
        return preset + [setting.kind for setting in self._settings.get(code, [])]


def read_kinds(connection: sa.Connection, community: str) -> KindBook:
    """Read every kind that the office has set; a gate's word on kinds counts for nothing."""
    # No parameter for the kind, so that both databases see that the index of kinds is enough.
    query = (
        sa.select(events.c.id, events.c.body)
        .where(
            events.c.community == community,
            events.c.kind == sa.literal_column("'kind.set'"),
            events.c.station == OFFICE,
        )
        .order_by(events.c.feed_no)
    )
    settings = []
    for row in connection.execute(query):
        try:
            body = read_body("kind.set", row.body.encode())
        except msgspec.DecodeError as error:
            logger.warning("event %s: %s; this version cannot read the kind, the one before stays", row.id, error)
        else:
            if isinstance(body, KindSet):
                settings.append(body)
    return KindBook(settings)
