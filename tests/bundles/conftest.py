"""Communities and gates that know each other by stick only; on SQLite, and where a test says so on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.community.database import open_engine
from sync.community.registry import add_community
from sync.community.schema import migrate
from tests.bundles.world import World
from tests.station.post import COMMUNITY


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path}/community.sqlite"
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgresql_database")
    engine = open_engine(url)
    try:
        migrate(engine)
        add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
        made = World(engine, tmp_path)
        yield made
        made.post.journal.close()
    finally:
        engine.dispose()
