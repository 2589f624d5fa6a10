"""How large passes are, and what issuing and reading one costs beside the bare Ed25519 operation.

The table gives the characters of a token and the QR version that holds it, for names of 0 to 40 bytes; the level is M
on cards and Q where paper gets wet. Ours and the floor take turns; figures are medians.

Run: python -m bench.tokens
"""

import statistics
import time
from collections.abc import Callable
from datetime import date

from passes.keys import IssuingKey
from passes.token import PassClaims, issue_token, read_token
from passes.trust import TrustedKey, TrustList

COMMUNITY = "999999000001"
NAME_BYTES = (0, 6, 9, 12, 24, 40)
ADDRESSES = ("3-2-501", "3栋2单元501室", "平安里小区北区12号楼3单元1201室")
ROUNDS = 2_000


def main() -> None:
    key = IssuingKey.generate()
    print("address bytes  name bytes  characters  QR at M  QR at Q")
    for address in ADDRESSES:
        for size in NAME_BYTES:
            token = issue_token(claims("a" * size, address), key)
            versions = [f"{version(token, level):>7}" for level in "MQ"]
            print(f"{len(address.encode()):>13}  {size:>10}  {len(token):>10}  " + "  ".join(versions))
    one = claims("王小明", ADDRESSES[1])
    token = issue_token(one, key)
    trust = TrustList(COMMUNITY, (TrustedKey(key.key_id, key.public_key, COMMUNITY),))
    signed, signature = b"m" * 120, key.sign(b"m" * 120)
    report("issue", lambda: issue_token(one, key), lambda: key.sign(signed))
    report("read", lambda: read_token(token, trust), lambda: trust.entries[0].verifies(signed, signature))


def claims(holder: str, address: str) -> PassClaims:
    """Return a pass of a resident for one month."""
    return PassClaims(bytes(range(16)), COMMUNITY, "resident", date(2026, 11, 1), date(2026, 11, 30), holder, address)


def version(token: str, level: str) -> int:
    """Return the smallest QR version (1 to 40) that holds the token at this level (ISO/IEC 18004)."""
    import qrcode.constants
    import qrcode.main
    import qrcode.util

    levels = {"M": qrcode.constants.ERROR_CORRECT_M, "Q": qrcode.constants.ERROR_CORRECT_Q}
    code = qrcode.main.QRCode(error_correction=levels[level])
    code.add_data(qrcode.util.QRData(token, mode=qrcode.util.MODE_ALPHA_NUM))
    return int(code.best_fit())


def report(name: str, ours: Callable[[], object], floor: Callable[[], object]) -> None:
    """Print the medians of ours and of the floor in microseconds, and their ratio."""
    times_us: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, spent in zip((ours, floor), times_us, strict=True):
            began_s = time.perf_counter()
            work()
            spent.append((time.perf_counter() - began_s) * 1e6)
    ours_us, floor_us = map(statistics.median, times_us)
    print(f"{name}: {ours_us:.0f} us, bare Ed25519 {floor_us:.0f} us, ratio {ours_us / floor_us:.2f}")


if __name__ == "__main__":
    main()
