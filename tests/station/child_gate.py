"""A gate in a process of its own that admits people until it is killed; every line it prints is a promise.

Run as: python -m tests.station.child_gate FOLDER
"""

import sys
from pathlib import Path

from passes.trips import Direction
from tests.station.post import Post, reading


def main(folder: Path) -> None:
    post = Post(folder)
    row = post.issue(kind="courier")
    direction = Direction.ENTRY
    while True:
        scan = post.gate.measured(post.gate.scan(row.token, direction), [reading(36.5)])
        done = post.gate.admit(scan)
        assert done.recorded is not None
        sys.stdout.write(f"{done.recorded.hash}\n")
        sys.stdout.flush()
        direction = direction.opposite
        post.clock.move(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
