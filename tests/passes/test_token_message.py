"""The COSE message that carries a pass or a trust list."""

from collections.abc import Iterator

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passes.cose import Sign1
from passes.keys import IssuingKey


def seeded(number: int) -> IssuingKey:
    return IssuingKey(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


def test_messages_of_any_size_are_taken_apart() -> None:
    form = Sign1("x")
    for size in (0, 1, 22, 23, 24, 25, 254, 255, 256, 257, 258, 65_535, 65_536, 70_000):
        sealed = form.open(form.seal(seeded(1), bytes(size)))
        assert sealed is not None
        assert sealed.payload == bytes(size)


def envelopes(message: bytes, payload: bytes) -> Iterator[bytes]:
    """The parts of a signed message in every other envelope that CBOR or COSE allows."""
    protected, signature = message[3:16], message[-64:]
    yield message[1:]
    yield cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, [protected, {}, payload, signature])))
    yield cbor2.dumps(cbor2.CBORTag(98, [protected, {}, payload, signature]))
    yield b"\xd8\x12" + message[1:]
    yield b"\xd2\x98\x04" + message[2:]
    yield b"\xd2\x9f" + message[2:] + b"\xff"
    yield message.replace(b"\x84\x4d", b"\x84\x58\x0d", 1)
    yield message.replace(b"\xa0\x58\x49", b"\xa0\x59\x00\x49", 1)
    yield message.replace(b"\xa0\x58\x49", b"\xbf\xff\x58\x49", 1)
    yield message.replace(b"\xa0\x58\x49", b"\xa1\x04\x41\x78\x58\x49", 1)
    yield message.replace(b"\x58\x40" + signature, b"\x59\x00\x40" + signature)
    yield message.replace(b"\x58\x40" + signature, b"\x5f\x58\x40" + signature + b"\xff")
    yield message.replace(b"\xa2\x01\x27", b"\xa2\x01\x26", 1)
    yield cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({4: protected[-8:], 1: -8}), {}, payload, signature]))
    yield cbor2.dumps(cbor2.CBORTag(18, [b"\xa3" + protected[1:3] * 2 + protected[3:], {}, payload, signature]))
    yield cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
    yield cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature, b""]))
    yield cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload]))
    yield from (message[:size] for size in range(len(message)))


def test_a_message_has_one_form() -> None:
    form, payload = Sign1(), bytes(range(0x49))
    message = form.seal(seeded(1), payload)
    assert form.open(message) is not None
    for other in envelopes(message, payload):
        assert other != message
        assert form.open(other) is None
