"""An export or an import in a process of its own, to be killed.

Run as: python -m tests.bundles.child WHAT FOLDER SECRET URL
"""

import sys
from pathlib import Path

import station.bundles as bundles_module
from passes.trust import read_trust_list
from station.bundles import Carrier, export_to
from station.clock import SystemClock
from sync.community.bundles import Desk, import_bundles
from sync.community.database import open_engine
from sync.community.office import load_root_public, load_trust_list
from tests.station.post import COMMUNITY, SHANGHAI


def main(what: str, folder: Path, secret: str, url: str) -> None:
    office, stick, now_ms = folder / "office", folder / "stick", SystemClock().now_ms
    root = load_root_public(office)
    if what == "export":
        vars(bundles_module)["FILE_BYTES"] = 1000
        trust = read_trust_list(load_trust_list(office), root)
        carrier = Carrier(folder / "east", "east", COMMUNITY, SHANGHAI, secret, trust, root, now_ms, 0)
        export_to(carrier, stick, progress=lambda done, _of: tell(done))
    else:
        desk = Desk(open_engine(url), office, COMMUNITY, now_ms)
        import_bundles(desk, [stick], lambda _name, done: tell(done))


def tell(done: int) -> None:
    sys.stdout.write(f"{done}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
