"""The station's own signing key: it says of a bundle that this station wrote it. It is made when it is first needed."""

import os
from contextlib import suppress
from pathlib import Path

from passes.keyfiles import load_key, save_key
from passes.keys import IssuingKey

STATION_KEY_FILE = "head-key.pem"


def station_key(folder: Path) -> IssuingKey:
    """Return the Ed25519 key in the station's folder, made now where there was none; raises `KeyFileError`."""
    path = folder / STATION_KEY_FILE
    if not path.exists():
        # Whole under its name or not there, and of two programs that make one at once the first one's holds.
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.unlink(missing_ok=True)
        save_key(part, IssuingKey.generate())
        try:
            with suppress(FileExistsError):
                os.link(part, path)
        finally:
            part.unlink()
    return load_key(path)
