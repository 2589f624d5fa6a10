"""Reading a long result row by row, with its cursor closed whatever happens to whoever reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from sync.community.database import reading

ROWS_AT_ONCE = 500
_OPEN = "gatepost_open_results"


def streamed(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    """Yield the rows of a query, fetched some hundred at once, from a cursor on the server's side where there is one.

    Whoever may stop before the last row opens the connection by `streaming`.
    """
    result = connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE))
    unfinished = connection.info.setdefault(_OPEN, set())
    unfinished.add(result)
    try:
        yield from result
    finally:
        result.close()
        unfinished.discard(result)


@contextmanager
def streaming(engine: sa.Engine, *, at_one_moment: bool = False) -> Iterator[sa.Connection]:
    """Run the block on one connection that reads, and close what it left unread; raises `DatabaseError`.

    With `at_one_moment` all statements see the database as the first one saw it, as they always do on SQLite.
    """
    if at_one_moment and engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with reading(engine) as connection:
        try:
            yield connection
        finally:
            for result in list(connection.info.get(_OPEN, ())):
                result.close()
