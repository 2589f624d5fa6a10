"""What the community does by itself while it is served."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from sync.community.claims import prune_claims
from sync.community.conflicts import find_conflicts
from sync.community.database import DatabaseError
from sync.community.numbering import end_frozen_writers

logger = logging.getLogger("gatepost.community")

PAUSE_S = 1.0
TROUBLED_PAUSE_S = 10.0
"""Pause while the database is away, which every request tells the log as well."""


def keep_finding(
    engine: sa.Engine, community: str, now_ms: Callable[[], int], stop: threading.Event, pause_s: float = PAUSE_S
) -> None:
    """Find conflicts and prune claims, again and again with a pause, until `stop` is set; for a thread of its own."""
    while True:
        next_pause_s = pause_s
        try:
            end_frozen_writers(engine)
            find_conflicts(engine, community, now_ms())
            prune_claims(engine, community, now_ms())
        except DatabaseError as error:
            logger.error("conflicts: %s", error)  # noqa: TRY400 - the sentence says it all; it is tried again
            next_pause_s = max(pause_s, TROUBLED_PAUSE_S)
        if stop.wait(next_pause_s):
            return


@contextmanager
def finding(engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> Iterator[None]:
    """Keep finding on a thread of its own for as long as the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=keep_finding, args=(engine, community, now_ms, stop), name="jobs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
