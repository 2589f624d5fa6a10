"""The codes that people show in a scenario: good ones, odd ones that are validly signed, and damaged ones."""

import base64
from contextlib import suppress
from datetime import date
from typing import Any

import cbor2
from msgspec.structs import asdict

from passes.cose import Sign1, epoch_day
from passes.errors import N_, UsageError
from passes.keys import IssuingKey
from passes.token import PREFIX, PassClaims, issue_token
from station.policy_try.model import Claims, Token

_ISSUER, _ID, _PASS = 1, 7, -65537
_COSE_SIGN1 = 18


def odd_token(good: PassClaims, claims: Claims, key: IssuingKey, named: IssuingKey) -> str:
    """Return the token of `good` with what `claims` says instead, signed as if all of it were right.

    `named` is the same key under the short id that the token gives. Raises `UsageError` when the good one could not
    be issued.
    """
    payload: dict[int, Any] = dict(_claims_of(issue_token(good, key)))
    kind, first_day, more_days, holder, address = payload[_PASS]
    if claims.kind is not None:
        kind = _kind_claim(good, claims.kind, key)
    last_day = first_day + more_days
    if claims.valid_from is not None:
        first_day = _day_claim(claims.valid_from)
    if claims.valid_until is not None:
        last_day = _day_claim(claims.valid_until)
    more_days = last_day - first_day if isinstance(first_day, int) and isinstance(last_day, int) else last_day
    payload[_PASS] = [kind, first_day, more_days, holder if claims.name is None else claims.name, address]
    if claims.community is not None:
        payload[_ISSUER] = claims.community
    if claims.id is not None:
        payload[_ID] = bytes.fromhex(claims.id)
    return _text(Sign1().seal(named, cbor2.dumps(payload)))


def damaged(token: str, damage: Token) -> str:
    """Return a good token damaged as `damage` says: first its bytes, then its characters.

    Raises `UsageError`, naming the key, for a bit that it does not have.
    """
    message = _message(token)
    protected, unprotected, payload, signature = cbor2.loads(message).value
    if damage.flip_payload_bit is not None:
        payload = _flipped("flip_payload_bit", payload, damage.flip_payload_bit)
    if damage.flip_signature_bit is not None:
        signature = _flipped("flip_signature_bit", signature, damage.flip_signature_bit)
    if damage.zero_signature:
        signature = bytes(len(signature))
    if damage.reencode:
        payload = _in_other_encoding(payload)
    message = cbor2.dumps(cbor2.CBORTag(_COSE_SIGN1, [protected, unprotected, payload, signature]))
    text = _text(message + bytes.fromhex(damage.append_bytes))
    if damage.prefix is not None:
        text = damage.prefix + text.removeprefix(PREFIX)
    return _damaged_text(text, damage)


def _damaged_text(text: str, damage: Token) -> str:
    text = text[: len(text) - damage.drop_last] if damage.drop_last < len(text) else ""
    text += damage.append
    if damage.put is not None:
        text = text[: damage.put.at] + damage.put.text + text[damage.put.at + len(damage.put.text) :]
    if damage.lower:
        text = text.lower()
    if damage.double:
        text += text
    return damage.pad_left + text + ("\r\n" if damage.newline else "")


def is_odd(claims: Claims) -> bool:
    """Say whether a token is to tell anything but the truth."""
    return any(value is not None for value in asdict(claims).values())


def _kind_claim(good: PassClaims, kind: str | int, key: IssuingKey) -> str | int:
    """Return a kind as tokens write it: those of the first version by their number."""
    if isinstance(kind, str):
        with suppress(UsageError):
            named = PassClaims(good.pass_id, good.community, kind, good.valid_from, good.valid_until, "", "")
            number: str | int = _claims_of(issue_token(named, key))[_PASS][0]
            return number
    return kind


def _day_claim(day: str | int) -> str | int:
    """Return a day as tokens write it; one that does not exist stays the text that it is."""
    if isinstance(day, str):
        with suppress(ValueError):
            return epoch_day(date.fromisoformat(day))
    return day


def _in_other_encoding(payload: bytes) -> bytes:
    """Return the same claims as a map of indefinite length (RFC 8949, section 3.2.2); the head of the map is a byte."""
    return b"\xbf" + payload[1:] + b"\xff"


def _flipped(key: str, data: bytes, bit: int) -> bytes:
    if bit >= len(data) * 8:
        raise UsageError(
            N_("{key} = {bit}: there are only {count}, counted from 0"), key=key, bit=bit, count=len(data) * 8
        )
    changed = bytearray(data)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def _claims_of(token: str) -> Any:
    return cbor2.loads(cbor2.loads(_message(token)).value[2])


def _message(token: str) -> bytes:
    text = token.removeprefix(PREFIX)
    return base64.b32decode(text + "=" * (-len(text) % 8))


def _text(message: bytes) -> str:
    return PREFIX + base64.b32encode(message).rstrip(b"=").decode()
