"""The pass number: what a guard types when the code cannot be read.

Crockford's alphabet of 32 holds neither I, L, O nor U; who types O, I or L for 0 or 1 is understood. The check
character is that of ISO/IEC 7064, the hybrid system MOD M+1,M with M = 32.
"""

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_MAX_TYPED_CHARS = 40
_DATA_CHARS = 8
_LOOK_ALIKES = str.maketrans("OIL", "011")


def number_of(pass_id: bytes) -> str:
    """Return the pass number, like `ABC-DEF-GHK`: 8 characters for the first 40 bits and a check character.

    The bits must be random: ids that begin with a time (UUIDv7) would give neighbours one number. Of 100,000 passes
    about one set in 220 holds a pair with the same number, so a number may stand for several passes. Raises
    ValueError for an id shorter than 5 bytes.
    """
    if len(pass_id) < 5:
        raise ValueError(pass_id)
    bits = int.from_bytes(pass_id[:5], "big")
    return grouped(with_check("".join(ALPHABET[bits >> shift & 31] for shift in range(35, -1, -5))))


def parse_number(text: str) -> str | None:
    """Return a typed pass number in its grouped form, None when it is none or its check character is wrong.

    Full-width and lower-case letters, spaces and dashes of any kind, and O, I, L for 0, 1, 1 are understood.
    """
    number = parse_checked(text, _DATA_CHARS)
    return number and grouped(number)


def with_check(data: str) -> str:
    """Return characters of the alphabet with their check character behind them."""
    from stdnum.iso7064 import mod_37_36  # costs 45 ms, so a start does without

    return data + str(mod_37_36.calc_check_digit(data, alphabet=ALPHABET))


def parse_checked(text: str, data_chars: int) -> str | None:
    """Return what was typed or read aloud as so many characters and their check character, without groups.

    None when it is none or the check character is wrong; understood is what `parse_number` understands.
    """
    from stdnum.iso7064 import mod_37_36  # costs 45 ms, so a start does without

    if len(text) > _MAX_TYPED_CHARS:
        return None
    plain = "".join(char for char in unicodedata.normalize("NFKC", text) if not _separates(char))
    if not plain.isascii():
        return None
    checked = plain.upper().translate(_LOOK_ALIKES)
    if len(checked) != data_chars + 1 or not mod_37_36.is_valid(checked, alphabet=ALPHABET):
        return None
    return checked


def grouped(text: str, chars: int = 3) -> str:
    """Return characters in groups of `chars`, for reading aloud."""
    return "-".join(text[at : at + chars] for at in range(0, len(text), chars))


def _separates(char: str) -> bool:
    return char.isspace() or char == "\N{MINUS SIGN}" or unicodedata.category(char) == "Pd"
