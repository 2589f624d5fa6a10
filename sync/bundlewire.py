"""What the pieces of a bundle hold: batches of a journal, and the community's answers to them with its feed."""

import hashlib
from collections.abc import Sequence

import msgspec

from sync.wire import MAX_EVENTS, EventAnswer, FeedAnswer, HoldingsAnswer


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one piece of a journal: the station's numbers from `first_n` on, `count` of them.

    `digest` is the SHA-256 of the piece, by which the station sees that it wrote just that. `answers` are those that
    are not `stored`. `has_gap`: what the station recorded before is missing at the community.
    """

    first_n: int
    count: int
    digest: str
    answers: list[EventAnswer] = []
    has_gap: bool = False

    def by_number(self) -> list[tuple[int, EventAnswer]]:
        """Return the answer to each of the station's numbers, in their order."""
        told = {answer.line: answer for answer in self.answers}
        lines = (told.get(line) or EventAnswer(line=line, status="stored") for line in range(self.count))
        return [(self.first_n + answer.line, answer) for answer in lines]


class AnswerPiece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of an answer: receipts, or a piece of the feed that follows the cursor `after`, or the `holdings`.

    The holdings come first, with the trust list by which a station that has been away can tell the key that signs.
    """

    receipts: list[Receipt] = []
    feed: FeedAnswer | None = None
    after: str | None = None
    holdings: HoldingsAnswer | None = None


def journal_piece(first_n: int, lines: Sequence[bytes]) -> bytes:
    """Return a batch of events, which the station numbers from `first_n` on, as a piece."""
    return b"%d\n%b" % (first_n, b"\n".join(lines))


def read_journal_piece(piece: bytes) -> tuple[int, list[bytes]]:
    """Return what `journal_piece` was given; ValueError for anything else."""
    first, _, rest = piece.partition(b"\n")
    lines = rest.split(b"\n", MAX_EVENTS + 1)
    if not (first.isdigit() and len(first) < 19) or len(lines) > MAX_EVENTS:
        raise ValueError
    return int(first), lines


def digest_of(piece: bytes) -> str:
    """Return what a receipt names the piece by."""
    return hashlib.sha256(piece).hexdigest()
