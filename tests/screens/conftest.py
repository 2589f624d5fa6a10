"""Screens are tested in English; what the process spoke before comes back."""

from collections.abc import Iterator

import pytest

from station.i18n import language, set_language


@pytest.fixture(autouse=True)
def _language_restored() -> Iterator[None]:
    before = language()
    yield
    set_language(before)
