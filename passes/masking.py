"""Names and numbers as they are shown where nobody needs the whole of them."""

import re

from passes.plaintext import plain

_NUMBER = re.compile(r"\d+")
_LEAST_DIGITS = 14
_LONGEST_NUMBER = 32
"""An ID number has 15 digits at least, and never so many characters, blanks included."""


def mask_name(name: str) -> str:
    """Hide the middle of a name: 王小明 → 王*明, 王明 → 王*, Ann Marie Lee → A** M**** L**.

    A name in Latin letters keeps the first letter of each word; any other keeps its first character and, from three
    characters on, its last. A single character is hidden.
    """
    shown = plain(name.strip(), 40)
    if shown.isascii():
        return " ".join(word[0] + "*" * (len(word) - 1) for word in shown.split())
    if len(shown) == 1:
        return "*"
    if len(shown) == 2:
        return shown[:1] + "*" * (len(shown) - 1)
    return shown[0] + "*" * (len(shown) - 2) + shown[-1]


def mask_number(number: str) -> str:
    """Hide all groups of a pass number but the last: ABC-DEF-GHK → ***-***-GHK; what has no groups is hidden whole."""
    first, *rest = plain(number, 40).split("-")
    hidden = ["*" * len(group) for group in (first, *rest[:-1])]
    return "-".join([*hidden, *rest[-1:]])


def mask_address(address: str) -> str:
    """Keep the first number, the building, and put `*` for every digit after it: 3-2-501 → 3-*-***.

    An address with fewer than two numbers keeps its first character only.
    """
    numbers = list(_NUMBER.finditer(address))
    if len(numbers) < 2:
        return address[:1] + "*" * (len(address) - 1)
    building_end = numbers[0].end()
    return address[:building_end] + re.sub(r"\d", "*", address[building_end:])


def mask_plate(plate: str) -> str:
    """Keep the first two characters of a plate, province and letter: 鲁B12345 → 鲁B*****."""
    return plain(plate[:2] + "*" * (len(plate) - 2), 20)


def mask_scan(text: str, most: int) -> str:
    """Return the beginning of a scan as at most `most` harmless characters, of ID numbers the end only."""
    beginning = text[: most + _LONGEST_NUMBER]
    if sum(map(str.isdecimal, beginning)) >= _LEAST_DIGITS:
        from passes.identity import mask_id_numbers  # slows a start down, and what is scanned is seldom a number

        beginning = mask_id_numbers(beginning)
    return plain(beginning, most)
