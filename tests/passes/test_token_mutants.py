"""100,000 texts that are nearly a pass: not one is accepted.

They are made from fixed seeds, so a failure can be repeated. A text that happens to be a pass that was issued is no
mutant.
"""

import base64
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passes.cose import Sign1
from passes.keys import IssuingKey
from passes.reasons import Reason
from passes.token import PassClaims, TokenError, issue_token, read_token
from passes.trust import TrustedKey, TrustList

WANTED = 100_000
COMMUNITY = "110105001002"
ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
STRANGE = "01890=+/_- abz\x00\x1b\u202e\uff21é٢"
KEY = IssuingKey(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))
TRUST = TrustList(COMMUNITY, (TrustedKey(KEY.key_id, KEY.public_key, COMMUNITY),))
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
TOKEN = issue_token(PassClaims(bytes(range(16)), COMMUNITY, "resident", FIRST, LAST, "云小溪", "3栋2单元501室"), KEY)
OTHER = issue_token(PassClaims(bytes(range(1, 17)), COMMUNITY, "visitor", FIRST, LAST, "山小石", "3-2-501"), KEY)
ISSUED = {TOKEN, OTHER}
MESSAGE = base64.b32decode(TOKEN[3:] + "=" * (-len(TOKEN[3:]) % 8))
OTHER_MESSAGE = base64.b32decode(OTHER[3:] + "=" * (-len(OTHER[3:]) % 8))
PROTECTED, _UNPROTECTED, PAYLOAD, SIGNATURE = cbor2.loads(MESSAGE[1:])
CLAIMS = cbor2.loads(PAYLOAD)


def spelled(message: bytes) -> str:
    return "GP1" + base64.b32encode(message).rstrip(b"=").decode()


def single_changes() -> Iterator[str]:
    """Every bit, every character, every length, once."""
    for bit in range(len(MESSAGE) * 8):
        yield spelled((int.from_bytes(MESSAGE, "big") ^ (1 << bit)).to_bytes(len(MESSAGE), "big"))
    for at in range(len(TOKEN)):
        yield TOKEN[:at]
        yield TOKEN[at + 1 :]
        yield TOKEN[:at] + TOKEN[at + 1 :]
        yield TOKEN[:at] + TOKEN[at].lower() + TOKEN[at + 1 :]
        yield from (TOKEN[:at] + char + TOKEN[at:] for char in STRANGE)
        # In the last place these are the padding bits.
        yield from (TOKEN[:at] + char + TOKEN[at + 1 :] for char in ALPHABET)
    for size in range(1, 120):
        yield spelled(MESSAGE[:-size])
        yield spelled(MESSAGE + bytes(size))
        yield spelled(bytes(size) + MESSAGE)
    yield from (TOKEN * 2, TOKEN.lower(), TOKEN + TOKEN[3:], TOKEN + "=", TOKEN + "\r", TOKEN + "A", TOKEN + "AA")
    larger_s = int.from_bytes(MESSAGE[-32:], "little") + ORDER_OF_ED25519
    yield spelled(MESSAGE[:-32] + larger_s.to_bytes(32, "little"))
    yield spelled(MESSAGE[:-64] + bytes(64))


def flipped_bits(chance: random.Random) -> str:
    """Two to nine bits, half of the time close together."""
    width = len(MESSAGE) * 8 if chance.random() < 0.5 else 24
    start = chance.randrange(len(MESSAGE) * 8 - width + 1)
    mask = 0
    for _ in range(chance.randint(2, 9)):
        mask ^= 1 << start + chance.randrange(width)
    return spelled((int.from_bytes(MESSAGE, "big") ^ mask).to_bytes(len(MESSAGE), "big"))


def edited_text(chance: random.Random) -> str:
    """Characters changed, put in, taken out, swapped or written small."""
    chars = list(TOKEN)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(chars))
        change = chance.randrange(5)
        if change == 0:
            chars[at] = chance.choice(ALPHABET)
        elif change == 1:
            chars.insert(at, chance.choice(ALPHABET + STRANGE))
        elif change == 2:
            del chars[at]
        elif change == 3:
            other = chance.randrange(len(chars))
            chars[at], chars[other] = chars[other], chars[at]
        else:
            chars[at:] = [char.lower() for char in chars[at:]]
    return "".join(chars)


def edited_bytes(chance: random.Random) -> str:
    """A piece of the message doubled, taken out, or overwritten with a piece of its own or of another pass."""
    start, size = chance.randrange(len(MESSAGE)), chance.randint(1, 40)
    donor = chance.choice([MESSAGE, OTHER_MESSAGE])
    taken = chance.randrange(len(donor))
    piece = donor[taken : taken + size]
    end = chance.choice([start, start + size, start + len(piece)])
    return spelled(MESSAGE[:start] + chance.choice([piece, b""]) + MESSAGE[end:])


def crossed(chance: random.Random) -> str:
    """The beginning of one pass with the end of another."""
    one, other = chance.sample([TOKEN, OTHER], 2)
    return one[: chance.randrange(3, len(one))] + other[chance.randrange(3, len(other)) :]


def head(chance: random.Random, major: int, number: int) -> bytes:
    """A CBOR head of any width that holds the number, the shortest one included (RFC 8949, 4.2.1)."""
    widths = [width for width in (0, 1, 2, 4, 8) if number < (24 if width == 0 else 256**width)]
    width = chance.choices(widths, [6] + [1] * (len(widths) - 1))[0]
    if width == 0:
        return bytes([major << 5 | number])
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + number.to_bytes(width, "big")


def written(chance: random.Random, value: Any) -> bytes:
    """The value in one of the many encodings that CBOR allows: wide heads, indefinite lengths, order, doubled keys."""
    tag = b"\xd9\xd9\xf7" if chance.random() < 0.02 else b""
    endless = chance.random() < 0.05
    match value:
        case int():
            coded = head(chance, 0, value) if value >= 0 else head(chance, 1, -1 - value)
        case bytes() | str():
            major, data = (2, value) if isinstance(value, bytes) else (3, value.encode())
            coded = head(chance, major, len(data)) + data
            coded = bytes([major << 5 | 31]) + coded + b"\xff" if endless else coded
        case list():
            coded = b"".join(written(chance, item) for item in value)
            coded = b"\x9f" + coded + b"\xff" if endless else head(chance, 4, len(value)) + coded
        case dict():
            items = list(value.items())
            if chance.random() < 0.3:
                chance.shuffle(items)
            if items and chance.random() < 0.3:
                items.insert(chance.randrange(len(items)), chance.choice(items))
            coded = b"".join(written(chance, key) + written(chance, item) for key, item in items)
            coded = b"\xbf" + coded + b"\xff" if endless else head(chance, 5, len(items)) + coded
        case _:
            raise TypeError(value)
    return tag + coded


def encoded_anew(chance: random.Random) -> str:
    """The same claims in another encoding, of them or of the envelope, under the old signature."""
    headers = written(chance, {1: -8, 4: KEY.key_id}) if chance.random() < 0.5 else PROTECTED
    payload = written(chance, CLAIMS) if chance.random() < 0.5 else PAYLOAD
    tag = chance.choice([b"\xd2", b"\xd2", b"\xd8\x12", b"", b"\xd8\x3d\xd2"])
    return spelled(tag + written(chance, [headers, {}, payload, SIGNATURE]))


def signed_anew(chance: random.Random) -> str:
    """The same claims in another encoding, and the true key has signed it: still there is one spelling only."""
    return spelled(Sign1().seal(KEY, written(chance, CLAIMS)))


FAMILIES: dict[Callable[[random.Random], str], int] = {
    flipped_bits: 25_000,
    edited_text: 25_000,
    edited_bytes: 20_000,
    crossed: 8_000,
    encoded_anew: 12_000,
    signed_anew: 5_000,
}


def mutants() -> Iterator[tuple[str, set[str]]]:
    """The name of each family of changes, and its texts."""
    yield "single_changes", set(single_changes()) - ISSUED
    for number, (family, wanted) in enumerate(FAMILIES.items()):
        chance = random.Random(number)
        texts: set[str] = set()
        while len(texts) < wanted:
            texts |= {family(chance) for _ in range(wanted - len(texts))} - ISSUED
        yield family.__name__, texts


def test_100_000_mutants_are_refused() -> None:
    seen: set[str] = set()
    reasons: dict[str, Counter[Reason]] = {}
    for family, texts in mutants():
        found = reasons[family] = Counter()
        for text in texts:
            try:
                read_token(text, TRUST)
            except TokenError as error:
                found[error.reason] += 1
            else:
                raise AssertionError(f"accepted: {family} {text!r}")
        seen |= texts
    assert len(seen) >= WANTED
    # The families reach as far into the checks as they are meant to.
    assert reasons["flipped_bits"].keys() == {Reason.MALFORMED, Reason.UNKNOWN_KEY, Reason.BAD_SIGNATURE}
    assert reasons["flipped_bits"][Reason.BAD_SIGNATURE] > 10_000
    assert {Reason.NOT_A_PASS, Reason.UNSUPPORTED_VERSION} <= reasons["single_changes"].keys()
    assert reasons["signed_anew"].keys() == {Reason.MALFORMED}
    assert Reason.BAD_SIGNATURE in reasons["encoded_anew"]


def test_the_passes_themselves_are_accepted() -> None:
    assert {read_token(text, TRUST).claims.holder for text in ISSUED} == {"云小溪", "山小石"}
    assert spelled(MESSAGE) == TOKEN
    assert Sign1().seal(KEY, cbor2.dumps(CLAIMS)) == MESSAGE
