"""A serial line of which both ends need not agree on the rate: what a receiver makes of another rate's bits."""


def heard_at(rate: int, data: bytes, sent_at: int) -> bytes:
    """Return the bytes that a receiver at `rate` hears when `data` is sent at `sent_at` (bit/s, 8N1)."""
    bits: list[int] = [1] * 10
    for byte in data:
        bits += [0, *(byte >> place & 1 for place in range(8)), 1]
    bits += [1] * 40
    per_bit = sent_at / rate

    def level(at: float) -> int:
        index = int(at)
        return bits[index] if index < len(bits) else 1

    heard = bytearray()
    at = 0.0
    while at < len(bits) - 1:
        if level(at):
            at += min(per_bit, 1.0) / 8
            continue
        # A receiver looks at the middle of each bit and takes a wrong stop bit as it comes.
        samples = [level(at + (place + 1.5) * per_bit) for place in range(8)]
        heard.append(sum(bit << place for place, bit in enumerate(samples)))
        at += 9.5 * per_bit
    return bytes(heard)
