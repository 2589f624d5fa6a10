"""The language that the user reads: Chinese unless somebody asked for English.

`_` translates at the moment it is called, so a screen made again after `set_language` is in the new language. Text
that a class or module holds is marked with `N_` there and translated with `_` where it is shown. A sentence without
a translation, or an installation without compiled catalogues, shows the English sentence itself.
"""

import gettext
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeGuard

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain

__all__ = [
    "DEFAULT_LANGUAGE",
    "LANGUAGES",
    "LOCALE_DIR",
    "N_",
    "Language",
    "_",
    "choose_language",
    "explain",
    "language",
    "set_language",
]

Language: TypeAlias = Literal["zh", "en"]

LANGUAGES: Final[Mapping[Language, str]] = {"zh": "zh_CN", "en": "en"}
"""What users write, and the catalogue that it means."""

DEFAULT_LANGUAGE: Final[Language] = "zh"
"""The guards' language; the system's own LANG is not asked, since a checkpoint laptop is often set up in English."""

ENVIRONMENT_VARIABLE: Final = "GATEPOST_LANG"
LOCALE_DIR: Final = Path(__file__).parent / "locale"

_VALUE_LIMIT = 1000
"""Characters of one value in an error sentence: a whole path has to fit, or the sentence cannot be acted on."""


class _Chosen:
    """The process's language; None until somebody asks for a text or sets it."""

    language: Language | None = None


def choose_language(
    explicit: str | None = None, setting: str | None = None, environ: Mapping[str, str] | None = None
) -> Language:
    """Return the language by rank: `explicit` (--lang), then GATEPOST_LANG, then `setting`, then Chinese.

    An empty text counts as not given. `environ` is the process's environment unless given.
    Raises UsageError, naming where the wrong value stands, when the first one given is neither `zh` nor `en`.
    """
    environment = os.environ if environ is None else environ
    sources = (
        (N_("option --lang"), explicit),
        (N_("environment variable GATEPOST_LANG"), environment.get(ENVIRONMENT_VARIABLE)),
        (N_("setting language"), setting),
    )
    for place, value in sources:
        if value:
            if _is_language(value):
                return value
            raise UsageError(N_("{place}: {value} is not a language; write zh or en"), place=_(place), value=value)
    return DEFAULT_LANGUAGE


def set_language(chosen: Language) -> None:
    """Make `chosen` the language of every text that is asked for from now on, in every thread."""
    _catalogue(chosen)
    _Chosen.language = chosen


def language() -> Language:
    """Return the language in use; before anybody set one, what the environment says, else Chinese."""
    if _Chosen.language is None:
        # A wrong GATEPOST_LANG is told by whoever calls choose_language at the start, not by an import.
        wanted = os.environ.get(ENVIRONMENT_VARIABLE, "")
        set_language(wanted if _is_language(wanted) else DEFAULT_LANGUAGE)
    return _Chosen.language or DEFAULT_LANGUAGE


def _(sentence: str) -> str:
    """Return `sentence` in the language in use, or `sentence` itself when nobody translated it."""
    # gettext keeps the catalogue's header under the empty text.
    return _catalogue(language()).gettext(sentence) if sentence else ""


def explain(error: GatepostError) -> str:
    """Return what `error` tells the user, as one printable line in the language in use.

    The sentence is translated before the values are filled in. A value is data from outside: it goes through
    `passes.plaintext.plain`; numbers stay numbers, so that a sentence may say `{celsius:.1f}`.
    """
    values = {name: _shown(value) for name, value in error.values.items()}
    return _(error.sentence).format(**values)


def _shown(value: object) -> object:
    return value if isinstance(value, int | float) else plain(str(value), _VALUE_LIMIT)


def _is_language(text: str) -> TypeGuard[Language]:
    return text in LANGUAGES


@cache
def _catalogue(chosen: Language) -> gettext.NullTranslations:
    return gettext.translation("gatepost", LOCALE_DIR, languages=[LANGUAGES[chosen]], fallback=True)
