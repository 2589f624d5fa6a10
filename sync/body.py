"""What the body of every event is made of."""

from typing import Annotated

import msgspec

Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""UTC milliseconds up to the end of the year 9999; what lies beyond fits no calendar and no database column."""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What all facts share: they never change, and what is not said is not written."""
