"""ID numbers, phone numbers and plates as people write them, checked and brought into one form.

What is checked is the writing alone. Nothing is told from the area or the sex that an ID number holds.
"""

import re
import unicodedata
from typing import Literal

from passes.errors import N_, GatepostError

_MOST_CHARS = 60
_TAIL_CHARS = 4
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")
_FIRST_GENERATION = re.compile(r"[0-9]{15}")
# Foreign permanent resident identity card (2017): three letters of the nation, twelve digits.
_PERMANENT_RESIDENT = re.compile(r"[A-Z]{3}[0-9]{12}")
_OTHER_DOCUMENT = re.compile(r"(?=.*[0-9])[A-Z0-9()/]{5,20}")
_TRAVEL_PERMIT = re.compile(r"[HM]([0-9]{8}|[0-9]{10})|[0-9]{8}")
# More digits than any permit or passport has: a resident ID number with a slip in it.
_MISWRITTEN = re.compile(r"(?:[^0-9]*[0-9]){11}.*")
_IN_TEXT = re.compile(r"\d{14,}[\dXx]|\d{6}[ -]\d{8}[ -]\d{3}[\dXx]")

_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_LANDLINE = re.compile(r"0[0-9]{9,11}|[2-9][0-9]{6,7}|\+86[1-9][0-9]{8,10}")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
# GA 36-2018: letters without I and O; the last of five may be that of a school, police, border or consular car.
_LICENSED = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Z]"
    r"(?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳领]|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])"
)
_BEGINS_LICENSED = re.compile(rf"[{_PROVINCES}][A-Z]")
_OTHER_PLATE = re.compile(r"(?=(?:.*[0-9]){4})(?![0-9]{9})[A-Z0-9\u4e00-\u9fff]{4,12}")


Document = Literal["resident_id", "residence_permit", "permanent_residence", "travel_permit", "other"]
"""Which paper says who somebody is; `other` are passports and what is not told apart."""


class IdentityError(GatepostError):
    """An ID number, phone number or plate that cannot be one; the sentence never holds a whole ID number."""


def parse_id_number(text: str) -> str:
    """Return the number of an identity document without spaces and dashes, letters in capitals.

    Resident ID cards and residence permits (GB 11643, 18 characters) are checked by their check character and date of
    birth, those of the first generation (15 digits) by the date; travel permits, passports and others are 5 to 20
    letters and digits. Raises `IdentityError`, which tells the last four characters at most.
    """
    from stdnum.cn import ric  # costs 45 ms, so a start does without
    from stdnum.exceptions import InvalidComponent

    number = _compact(text)
    tail = mask_id_number(number)[-_TAIL_CHARS:]
    try:
        if _RESIDENT.fullmatch(number):
            if ric.calc_check_digit(number) != number[-1]:
                raise IdentityError(
                    N_("ID number ending in {tail}: its check character is wrong; compare it with the card"), tail=tail
                )
            ric.get_birth_date(number)
            return number
        if _FIRST_GENERATION.fullmatch(number):
            ric.get_birth_date(f"{number[:6]}19{number[6:]}")
            return number
    except InvalidComponent:
        raise IdentityError(
            N_("ID number ending in {tail}: its date of birth does not exist; compare it with the card"), tail=tail
        ) from None
    if _PERMANENT_RESIDENT.fullmatch(number):
        return number
    if _MISWRITTEN.fullmatch(number):
        raise IdentityError(
            N_("ID number ending in {tail}: has {count} characters, not 17 digits and a last digit or X"),
            tail=tail,
            count=len(number),
        )
    if not _OTHER_DOCUMENT.fullmatch(number):
        raise IdentityError(N_("is no ID number: write 18 characters, or the 5 to 20 letters and digits of a permit"))
    return number


def document_of(number: str) -> Document:
    """Return which document a number that `parse_id_number` returned is of, as far as its writing tells.

    Residence permits of Hong Kong, Macau and Taiwan have area codes of their own; travel permits of the mainland begin
    with H or M, those of Taiwan have 8 digits. Everything else may be a passport.
    """
    if _RESIDENT.fullmatch(number):
        return "residence_permit" if number.startswith(("81", "82", "83")) else "resident_id"
    if _FIRST_GENERATION.fullmatch(number):
        return "resident_id"
    if _PERMANENT_RESIDENT.fullmatch(number):
        return "permanent_residence"
    return "travel_permit" if _TRAVEL_PERMIT.fullmatch(number) else "other"


def comparable_id(number: str) -> str:
    """Return the form by which ID numbers are compared: one of the first generation as the 18 characters it became."""
    if not _FIRST_GENERATION.fullmatch(number):
        return number
    from stdnum.cn import ric

    longer = f"{number[:6]}19{number[6:]}"
    return longer + str(ric.calc_check_digit(longer + "0"))


def comparable_phone(number: str) -> str:
    """Return the form by which phone numbers are compared: a landline in China without +86, with its leading 0."""
    return f"0{number[3:]}" if number.startswith("+86") else number


def tail_of(number: str) -> str:
    """Return the end of an ID or phone number that people may see: four characters, none of a very short number."""
    return number[-_TAIL_CHARS:] if len(number) > _TAIL_CHARS else ""


def mask_id_number(number: str) -> str:
    """Hide all but the last four characters; a number of four or fewer is hidden whole."""
    shown = tail_of(number)
    return "*" * (len(number) - len(shown)) + shown


def mask_id_numbers(text: str) -> str:
    """Hide whatever in `text` is as long as an ID number (15 digits or more) but for its last four characters."""
    return _IN_TEXT.sub(lambda found: mask_id_number(found[0]), text)


def parse_phone(text: str) -> str:
    """Return a phone number without spaces, dashes and brackets: `13800000000`, `053280000000` or `+85220000000`.

    A mobile number loses its +86. Raises `IdentityError` for what cannot be one number.
    """
    number = re.sub(r"[()]", "", _compact(text))
    if mobile := _MOBILE.fullmatch(number):
        return mobile[1]
    if not _LANDLINE.fullmatch(number) and not _ABROAD.fullmatch(number):
        raise IdentityError(N_("is no phone number: write one mobile number of 11 digits, or area code and number"))
    return number


def parse_plate(text: str) -> str:
    """Return a plate in capitals without spaces, dots and dashes: `鲁B12345`, `鲁BD12345`, `使123456`.

    What begins like a civil plate must be one (GA 36-2018). Army, embassy and temporary plates and those of e-bikes are
    4 to 12 letters, digits and characters with four digits or more. Raises `IdentityError` for anything else.
    """
    plate = re.sub(r"[.·•‧・]", "", _compact(text))
    if _LICENSED.fullmatch(plate):
        return plate
    if (_BEGINS_LICENSED.match(plate) and "临" not in plate) or not _OTHER_PLATE.fullmatch(plate):
        raise IdentityError(
            N_("is no plate: province, letter (no I or O) and 5 characters, 6 for new energy; or that of another kind")
        )
    return plate


def _compact(text: str) -> str:
    """Return `text` in capitals and half-width, without spaces and dashes; cut where no number is so long."""
    wide = unicodedata.normalize("NFKC", text[:_MOST_CHARS]).upper()
    return "".join(char for char in wide if not char.isspace() and unicodedata.category(char) != "Pd")
