"""What a gate keeps of the others' signed heads, and what it makes of a journal that is not what it was."""

from typing import Any

import pytest

from passes.keys import IssuingKey
from station.storage import writing
from station.witness import GRACE_MS, Doubted, doubted, set_reported, watch
from sync.heads import head_text, is_signed, read_head, sign_head
from sync.wire import FeedHead, SignedHead
from tests.station.post import Post

KEY = IssuingKey.generate()


def told(seq: int, digest: str = "aa", epoch: str = "01", key: IssuingKey = KEY, station: str = "west") -> FeedHead:
    signed = sign_head(key, station, epoch, seq, digest)
    return FeedHead(station=station, epoch=epoch, seq=seq, hash=digest, signed=signed)


def see(post: Post, *heads: FeedHead, after_ms: int = 0) -> list[Doubted]:
    with writing(post.journal.connection, post.journal.path):
        watch(post.journal.connection, "G1", list(heads), post.clock.now_ms() + after_ms)
    return doubted(post.journal.connection)


@pytest.mark.parametrize(
    ("later", "doubt", "told_seq"),
    [
        ([told(9, "bb")], None, 0),
        ([told(7, "bb", epoch="02")], None, 0),
        ([told(7, key=IssuingKey.generate(), epoch="02")], None, 0),
        ([told(8, "bb")], "fork", 8),
        ([told(9, key=IssuingKey.generate())], "key", 9),
    ],
)
def test_what_a_station_says_later(post: Post, later: list[FeedHead], doubt: str | None, told_seq: int) -> None:
    assert see(post, told(8)) == []

    found = see(post, *later)

    assert found == ([Doubted("west", "01", doubt, 8, told_seq)] if doubt else [])  # type: ignore[arg-type] # a literal of the table above


def test_a_tail_cut_off_is_doubted_after_a_while_and_told_once(post: Post) -> None:
    see(post, told(8))
    assert see(post, told(5)) == []
    assert see(post, told(5), after_ms=GRACE_MS) == []

    assert see(post, told(6, "cc"), after_ms=GRACE_MS + 1) == [Doubted("west", "01", "cut", 8, 6)]

    [doubt] = doubted(post.journal.connection, unreported=True)
    with post.journal.writing():
        set_reported(post.journal.connection, doubt)
    assert doubted(post.journal.connection, unreported=True) == []
    assert doubted(post.journal.connection) == [doubt]
    assert see(post, told(8, "bb")) == [doubt]
    # It has come back; what is cut once more is told once more.
    assert see(post, told(8)) == []
    see(post, told(5), after_ms=2 * GRACE_MS)
    assert see(post, told(5), after_ms=3 * GRACE_MS + 1) == doubted(post.journal.connection, unreported=True) != []
    assert see(post, told(1, epoch="02")) == []


def test_a_community_that_tells_of_the_past_for_a_moment_makes_no_doubt(post: Post) -> None:
    see(post, told(8))
    see(post, told(5))
    see(post, told(8), after_ms=1000)
    assert see(post, told(5), after_ms=GRACE_MS + 5000) == []
    assert see(post, told(9, "bb"), after_ms=2 * GRACE_MS + 5000) == []


def test_a_whole_epoch_that_is_gone_is_a_tail_too(post: Post) -> None:
    see(post, told(8))
    see(post, told(3, epoch="02"))
    see(post, told(8))
    assert see(post, told(8), after_ms=GRACE_MS + 1) == [Doubted("west", "02", "cut", 3, 0)]


def test_only_what_the_station_itself_has_signed_counts(post: Post) -> None:
    forged: list[Any] = [told(9), told(9, station="G1"), FeedHead(station="west", epoch="01", seq=9, hash="aa")]
    signed = forged[0].signed
    for change in ({"seq": 10}, {"hash": "bb"}, {"epoch": "09"}, {"signature": bytes(64)}, {"public_key": b"short"}):
        fields = {name: getattr(signed, name) for name in SignedHead.__struct_fields__}
        assert not is_signed(SignedHead(**{**fields, **change}), "west")
    assert not is_signed(signed, "east")
    assert read_head(head_text(signed)) == signed
    assert [read_head(text) for text in ("", "x", "é", "e30=", "A" * 5000)] == [None] * 5
    see(post, *forged[1:])
    assert post.journal.connection.execute("SELECT count(*) FROM witnessed").fetchone() == (0,)
