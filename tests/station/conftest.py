"""Fixtures of a station on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.station.post import Post


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """A station in a folder of its own."""
    made = Post(tmp_path)
    yield made
    made.journal.close()
