"""Build hook: compiles the message catalogues, so that a wheel and an editable install both speak Chinese."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def compile_catalogues(root: Path) -> list[Path]:
    """Write a .mo beside every `gatepost.po` under `root`/station/locale and return the paths written.

    Fuzzy messages are left out: a guessed translation is worse than English. Raises FileNotFoundError when `root`
    holds no catalogue, because such a build would ship without Chinese and nobody would notice.
    """
    catalogues = sorted((root / "station" / "locale").glob("*/LC_MESSAGES/gatepost.po"))
    if not catalogues:
        message = f"{root / 'station' / 'locale'}: no gatepost.po found; build from a complete source tree"
        raise FileNotFoundError(message)
    written = []
    for source in catalogues:
        target = source.with_suffix(".mo")
        with source.open("rb") as po, target.open("wb") as mo:
            write_mo(mo, read_po(po), use_fuzzy=False)
        written.append(target)
    return written


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its config type is hatchling's own business
    """Runs before hatchling collects the files of a wheel (standard or editable)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile the catalogues; `artifacts` in pyproject.toml takes the results in."""
        compile_catalogues(Path(self.root))
