"""What a server counts for Prometheus; nothing here names a person.

Requests and verdicts are counted in every server process, in files of the folder that `PROMETHEUS_MULTIPROC_DIR` names
when this module is first imported (prometheus_client's multiprocess mode). What the database knows is read from it at
each scrape.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from passes.errors import N_
from sync.community.database import (
    DatabaseError,
    events,
    feed_reservations,
    forks,
    quarantine,
    reading,
    stations,
)
from sync.community.doubts import open_doubts
from sync.community.numbering import feed_end
from sync.community.serving import ListenError
from sync.community.tables_feed import alerts, conflicts

REQUESTS = Counter("gatepost_requests_total", "Requests by route, method and status.", ["route", "method", "status"])
LATENCY = Histogram(
    "gatepost_request_seconds",
    "Time to answer a request by route; a request for the feed may wait for news.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
EVENTS = Counter("gatepost_events_total", "Lines of batches by verdict.", ["verdict"])


class CommunityCollector(Collector):
    """Reads at each scrape what the database knows of `community`; `now_ms` is the server's clock."""

    def __init__(self, engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._community = community
        self._now_ms = now_ms

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; without the database only that it does not answer."""
        try:
            with reading(self._engine) as connection:
                found = [*self._contacts(connection), *self._counts(connection), *self._size(connection)]
        except DatabaseError:
            found = []
        yield _gauge("gatepost_database_up", "Whether the database answers.", bool(found))
        yield from found

    def _contacts(self, connection: sa.Connection) -> Iterator[Metric]:
        now_ms = self._now_ms()
        age = GaugeMetricFamily(
            "gatepost_station_contact_age_seconds",
            "Time since a station was heard, or enrolled if it never was; withdrawn ones are left out.",
            labels=["station"],
        )
        query = sa.select(stations.c.station, sa.func.coalesce(stations.c.last_contact_ms, stations.c.added_at_ms))
        own = (stations.c.community == self._community, stations.c.withdrawn_at_ms.is_(None))
        for station, heard_ms in connection.execute(query.where(*own)):
            age.add_metric([station], (now_ms - heard_ms) / 1000)
        yield age
        newest = sa.select(events.c.received_at_ms).where(events.c.community == self._community)
        newest_ms = connection.execute(newest.order_by(events.c.feed_no.desc()).limit(1)).scalar_one_or_none()
        if newest_ms is not None:
            about = "Time since the newest event was received."
            yield _gauge("gatepost_newest_event_age_seconds", about, (now_ms - newest_ms) / 1000)

    def _counts(self, connection: sa.Connection) -> Iterator[Metric]:
        length = feed_end(connection, self._community)
        yield _gauge("gatepost_feed_length", "The number that the feed reaches to.", length)
        counted = (
            ("gatepost_open_conflicts", "Conflicts that nobody has closed.", conflicts, conflicts.c.closed_at_ms),
            ("gatepost_alerts", "Passages that staff must know of.", alerts, None),
            ("gatepost_forks", "Events whose number was taken by another.", forks, None),
            ("gatepost_quarantined_lines", "Lines that could not be understood and were kept.", quarantine, None),
            ("gatepost_feed_reservations", "Batches being written at this moment.", feed_reservations, None),
        )
        doubted = len(open_doubts(connection, self._community))
        yield _gauge("gatepost_doubted_heads", "Stations whose journal other gates saw to be otherwise.", doubted)
        for name, about, table, is_open in counted:
            query = sa.select(sa.func.count()).select_from(table).where(table.c.community == self._community)
            query = query if is_open is None else query.where(is_open.is_(None))
            yield _gauge(name, about, connection.execute(query).scalar_one())

    def _size(self, connection: sa.Connection) -> Iterator[Metric]:
        if connection.dialect.name == "postgresql":
            size = connection.execute(sa.select(sa.func.pg_database_size(sa.func.current_database()))).scalar_one()
        else:
            pages, page_bytes = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
            )
            size = pages * page_bytes
        yield _gauge("gatepost_database_bytes", "Size of the database.", size)


def serve_metrics(engine: sa.Engine, community: str, now_ms: Callable[[], int], port: int, folder: Path) -> None:
    """Answer scrapes on loopback `port` from a thread of this process, for all processes that count into `folder`.

    Raises `ListenError`.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]  # it registers itself
    registry.register(CommunityCollector(engine, community, now_ms))
    try:
        start_http_server(port, "127.0.0.1", registry)
    except OSError as error:
        raise ListenError(
            N_("--metrics-port {port}: cannot listen ({error}); choose another port"), port=port, error=error
        ) from error


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)
