"""The station's own signing key: it says of a bundle that this station wrote it. It is made when it is first needed."""

from pathlib import Path

from passes.errors import KeyFileError
from passes.keyfiles import load_key, save_key
from passes.keys import IssuingKey

STATION_KEY_FILE = "station-key.pem"


def station_key(folder: Path) -> IssuingKey:
    """Return the Ed25519 key in the station's folder, made now where there was none; raises `KeyFileError`."""
    path = folder / STATION_KEY_FILE
    if not path.exists():
        try:
            save_key(path, IssuingKey.generate())
        except KeyFileError:
            # Another program on this folder was faster, and its key is the one.
            if not path.exists():
                raise
    return load_key(path)
