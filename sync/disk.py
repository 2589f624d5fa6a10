"""Getting files through to the disk, so that what was said to be there outlives a power cut."""

import os
from pathlib import Path


def through_to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk; raises `OSError`."""
    # Windows cannot open a folder; it keeps names by itself.
    if os.name == "posix" or path.is_file():
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
