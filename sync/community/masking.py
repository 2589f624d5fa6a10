"""Hiding where somebody lives, and what was noted about them, in exports that do not need to say it.

Names and pass numbers have their rules in `passes.masking`, the same at the gate.
"""

import re

_NUMBER = re.compile(r"\d+")


def mask_address(address: str) -> str:
    """Keep the first number, the building, and put `*` for every digit after it: 3-2-501 → 3-*-***.

    An address with fewer than two numbers keeps its first character only.
    """
    numbers = list(_NUMBER.finditer(address))
    if len(numbers) < 2:
        return address[:1] + "*" * (len(address) - 1)
    building_end = numbers[0].end()
    return address[:building_end] + re.sub(r"\d", "*", address[building_end:])


def mask_text(text: str) -> str:
    """Hide free text whole, since nobody knows whom it names."""
    return "***" if text else ""
