"""How much one address and one station may ask of a server process, so that none takes all of it.

Each process counts for itself and in memory: a shared count would cost a write for every request. With several
processes as many times more may come through, and after a restart everybody begins anew. What is counted here protects
the server; nothing that is right or wrong depends on it.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from passes.errors import N_, GatepostError
from sync.community.settings import LimitsTable

MAX_KEYS = 10_000
"""Addresses or stations that are remembered; whoever is forgotten may ask as if for the first time."""

BURST_S = 10
"""A pause saves up this many seconds' worth of requests."""

_MANY_REMEMBERED = 1000


class TooManyError(GatepostError):
    """Somebody asks too often; after `retry_after_s` seconds they may ask again."""

    def __init__(self, retry_after_s: float, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Buckets:
    """Token buckets: each key may ask `per_s` times a second in the long run, and `burst` times at once."""

    def __init__(self, per_s: float, burst: float, monotonic_s: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = max(burst, 1.0)
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one token of `key` and return 0; where there is none, return in how many seconds there will be."""
        bucket = self._filled(key)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_s
        bucket.tokens -= 1
        return 0.0

    def wait_s(self, key: str) -> float:
        """Return what `take` would, and take nothing."""
        return max(0.0, (1 - self._filled(key).tokens) / self._per_s)

    def _filled(self, key: str) -> _Bucket:
        now_s = self._monotonic_s()
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now_s))
        bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.at_s) * self._per_s)
        bucket.at_s = now_s
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
        return bucket


class Limits:
    """The limits of one server process; used on its event loop's thread only."""

    def __init__(self, table: LimitsTable, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._addresses = _per_second(table.address_requests_per_s, monotonic_s)
        self._stations = _per_second(table.station_requests_per_s, monotonic_s)
        self._wrong_secrets = Buckets(table.wrong_secrets_per_min / 60, table.wrong_secrets_per_min, monotonic_s)
        self._known: OrderedDict[str, None] = OrderedDict()

    def check_address(self, host: str) -> None:
        """Count a request from `host`; raises `TooManyError`."""
        wait_s = self._addresses.take(_network(host))
        if wait_s:
            raise TooManyError(wait_s, N_("too many requests from this address; ask again later"))

    def check_secret(self, host: str, digest: str) -> None:
        """Raise `TooManyError` when `host` has shown too many wrong secrets, before another one is looked up.

        A secret that was right before is looked up all the same: gates share an address with whoever tries secrets out.
        """
        wait_s = self._wrong_secrets.wait_s(_network(host))
        if wait_s and digest not in self._known:
            raise TooManyError(wait_s, N_("Authorization: too many wrong secrets from this address; ask again later"))

    def note_wrong(self, host: str, digest: str) -> None:
        """Count a wrong secret from `host`."""
        self._known.pop(digest, None)
        self._wrong_secrets.take(_network(host))

    def check_station(self, station: str, digest: str) -> None:
        """Count a request of `station`, whose secret was right; raises `TooManyError`."""
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > _MANY_REMEMBERED:
            self._known.popitem(last=False)
        wait_s = self._stations.take(station)
        if wait_s:
            raise TooManyError(
                wait_s, N_("station {station}: asks too often; wait before the next request"), station=station
            )


def _per_second(per_s: float, monotonic_s: Callable[[], float]) -> Buckets:
    return Buckets(per_s, per_s * BURST_S, monotonic_s)


def _network(host: str) -> str:
    """Return what is counted as one address: of IPv6 the /64, which one line's owner has whole."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))
