"""A station's journal with more than one life, for the tests of what becomes of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from station.parcels import open_parcels
from sync.client import connect
from sync.courier import exchange
from tests.community.conftest import COMMUNITY, Server
from tests.station.post import SHANGHAI, Post
from tests.sync.conftest import STATION
from tests.sync.servers import DEADLINE_S


def travel(post: Post, community: Server, station: str = STATION) -> None:
    """Do once what the courier does all day."""
    with (
        open_parcels(post.folder, station, SHANGHAI) as parcels,
        connect(community.url, community.secrets[station], DEADLINE_S) as client,
    ):
        exchange(client, parcels, COMMUNITY, station, post.clock.now_ms)


@contextmanager
def put_back(post: Post) -> Iterator[None]:
    """Let what is done in the block not have happened for this station's disk: all its files are as they were.

    The same inodes stay, as when a machine is put back to a snapshot: nothing beside the file can tell.
    """
    post.journal.close()
    names = [path.name for path in post.folder.iterdir()]
    before = {name: (post.folder / name).read_bytes() for name in names}
    post.create = False
    post.__post_init__()
    yield
    post.journal.close()
    for path in post.folder.iterdir():
        if path.name not in before:
            path.unlink()
    for name, content in before.items():
        path = post.folder / name
        with path.open("r+b") as file:
            file.truncate()
            file.write(content)
    post.__post_init__()
