"""The communities that a database holds."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from passes.errors import N_, UsageError
from sync.community.database import communities, feed_counters, reading, writing


@dataclass(frozen=True, slots=True)
class Community:
    """A community's entry; `generation` is random and names this life of its database."""

    community: str
    name: str
    zone: str
    generation: str


def add_community(engine: sa.Engine, community: str, name: str, zone: str) -> Community:
    """Enter a community into a migrated database; raises `UsageError` when it is there already."""
    added = Community(community, name, zone, secrets.token_hex(16))
    with writing(engine) as connection:
        there = sa.select(communities.c.community).where(communities.c.community == community)
        if connection.execute(there).one_or_none() is not None:
            raise UsageError(
                N_("community {community}: the database {url} holds it already; name another database"),
                community=community,
                url=engine.url.render_as_string(hide_password=True),
            )
        connection.execute(
            sa.insert(communities),
            {"community": community, "name": name, "zone": zone, "generation": added.generation},
        )
        connection.execute(sa.insert(feed_counters), {"community": community, "last_feed_no": 0})
    return added


def lock_community(connection: sa.Connection, community: str) -> None:
    """Make others who call this for the same community wait until this transaction, one of `writing`, has ended.

    Stations' batches are not held up on PostgreSQL; on SQLite the transaction is alone as it is.
    """
    query = sa.select(communities.c.community).where(communities.c.community == community)
    # FOR NO KEY UPDATE: rows that refer to the community may be added meanwhile.
    connection.execute(query.with_for_update(key_share=True)).scalar_one_or_none()


def find_community(engine: sa.Engine, community: str) -> Community:
    """Return the community's entry; raises `UsageError` when the database does not hold it."""
    query = sa.select(communities.c.community, communities.c.name, communities.c.zone, communities.c.generation)
    with reading(engine) as connection:
        row = connection.execute(query.where(communities.c.community == community)).one_or_none()
    if row is None:
        raise UsageError(
            N_("community {community}: the database {url} does not hold it; check database.url in community.toml"),
            community=community,
            url=engine.url.render_as_string(hide_password=True),
        )
    return Community(*row)
