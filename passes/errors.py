"""The one tree of errors that users may see.

An error carries an English sentence with named fields and the values for them. `str(error)` is the English text;
the station translates the sentence before it fills in the values, so every floor raises in one language and the
user reads in theirs.
"""


def N_(sentence: str) -> str:  # noqa: N802 - the name that translation tools expect
    """Mark a sentence for the translation catalogues without translating it here."""
    return sentence


class GatepostError(Exception):
    """A failure that is told to the user as one sentence: what, where, which value, and what to do.

    `sentence` is English with `{name}` fields, marked by `N_`; `values` fill the fields.
    `exit_code` is what a command ends with: 1 refused or failed, 2 wrong use.
    """

    exit_code = 1

    def __init__(self, sentence: str, /, **values: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.values = values

    def __str__(self) -> str:
        return self.sentence.format(**self.values)


class UsageError(GatepostError):
    """The user asked for something that cannot be: a wrong option, setting or file."""

    exit_code = 2


class KeyFileError(GatepostError):
    """A key or trust list that cannot be used as it is."""
