"""By what a person is looked for: the name as written, its pinyin, the initials of every reading, a room, a plate.

All are stored as prefixes can find them: half-width, without case, spaces and signs.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import islice, product

_MOST_KEYS = 128
"""Of one kind and one name: five characters of three readings each have more, and nobody looks for those."""

_DIGITS = re.compile(r"[0-9]+")
_MOST_LOOKED_AT = 64


def folded(text: str) -> str:
    """Return `text` as it is compared: half-width, without case, spaces, dots and dashes."""
    wide = unicodedata.normalize("NFKC", text[:_MOST_LOOKED_AT]).casefold()
    return "".join(char for char in wide if char.isalnum())


def rooms(text: str) -> str:
    """Return the numbers of an address joined by dashes, 3号楼2单元501 → 3-2-501; empty with fewer than two."""
    numbers = _DIGITS.findall(unicodedata.normalize("NFKC", text[:_MOST_LOOKED_AT]))
    return "-".join(numbers) if len(numbers) > 1 else ""


def name_keys(name: str) -> list[str]:
    """Return what finds a name: itself, its pinyin, the initials of every reading, and of Latin names each later word.

    A surname has the pinyin of all its readings, the rest of the name the usual one.
    """
    if name.isascii():
        words = [folded(word) for word in name.split()]
        wholes = ["".join(words[place:]) for place in range(len(words))]
        return _distinct([*wholes, "".join(word[:1] for word in words)])
    syllables = [_readings(char) for char in folded(name)]
    whole = product(*syllables[:1], *(readings[:1] for readings in syllables[1:]))
    initials = product(*(_distinct([reading[0] for reading in readings]) for readings in syllables))
    spelled = [*islice(whole, _MOST_KEYS), *islice(initials, _MOST_KEYS)]
    keys = [folded(name), *("".join(parts) for parts in spelled)]
    # ü is typed as v or as u.
    return _distinct([*keys, *(key.replace("v", "u") for key in keys[1:] if "v" in key)])


def address_keys(address: str) -> list[str]:
    """Return what finds an address: as written, by its numbers 3-2-501, and by the last of them, the room."""
    numbers = rooms(address)
    return _distinct([folded(address), numbers, numbers.rpartition("-")[2]])


def plate_keys(plate: str) -> list[str]:
    """Return what finds a plate: as written, without the province, and without its letter too."""
    whole = folded(plate)
    return _distinct([whole, whole[1:], whole[2:]]) if whole[:1] and not whole[:1].isascii() else _distinct([whole])


@lru_cache(4096)
def _readings(char: str) -> list[str]:
    """Return how a character is read, without tones, the usual reading first; what has no reading is read as itself."""
    if char.isascii():
        return [char]
    from pypinyin import Style, pinyin  # slows a start down, and a gate reads names only when it learns of some

    found = pinyin(char, style=Style.NORMAL, heteronym=True)
    return _distinct([reading for reading in found[0] if reading]) or [char]


def _distinct(keys: list[str]) -> list[str]:
    return list(dict.fromkeys(key for key in keys if key))
