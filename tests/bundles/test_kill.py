"""kill -9 in the middle of an export or import: nothing looks whole that is not, and the next run goes on."""

import subprocess
import sys

import pytest

from sync.bundlefiles import open_bundle
from tests.bundles.world import World
from tests.sync.servers import DEADLINE_S

RECORDS = 5_000


def killed_after(world: World, what: str, lines: int) -> None:
    """Start it, kill it when it has told of its progress so many times."""
    url = world.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.bundles.child", what, str(world.folder), world.secret, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(lines):
            assert child.stdout.readline().strip().isdigit()
        child.kill()
        child.wait(DEADLINE_S)


@pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
def test_killed_at_any_point_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.bundles.FILE_BYTES", 1000)
    world.record(RECORDS)
    for lines in (1, 2):
        killed_after(world, "export", lines)
        for path in world.bundles("community"):
            with open_bundle(path) as reader:
                reader.verify()
    rest = world.export()
    assert rest.left == 0
    assert rest.there_before > 0
    assert rest.events + rest.there_before == RECORDS
    assert list(world.stick.glob("*.part")) == []

    for lines in (1, 3):
        killed_after(world, "import", lines)
        assert world.stored() == world.recorded()[: len(world.stored())]
    assert len(world.stored()) >= 3000
    done = world.take_in()
    assert done.refused == []
    assert world.stored() == world.recorded()
    assert world.take_over().settled == RECORDS
