"""The courier: carries a station's journal to its community, in order, until every event has an answer.

It runs on a thread of its own and never stands in the gate's way. Nothing counts as delivered before a well-formed
answer of the real community names it; everything else is tried again, later and later, with jitter.
"""

import gzip
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from passes.errors import N_, GatepostError
from sync.events import Event, to_json
from sync.wire import (
    MAX_BODY_BYTES,
    MAX_EVENTS,
    MEDIA_TYPE,
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
    EventAnswer,
    JournalAnswer,
    Problem,
    StationAnswer,
)

if TYPE_CHECKING:
    import httpx2

_Answer = TypeVar("_Answer", JournalAnswer, StationAnswer)

BATCH_BYTES = 1024 * 1024
"""A batch ends here even when it has fewer than `MAX_EVENTS`, so that a slow line gets an answer in time."""


TIMEOUT_S = 10.0
"""No answer is waited for longer than this, however much of it has come."""

_SHORTEST_PAUSE_S = 0.5
_WELCOME_PAUSE_S = 60.0


class Outbox(Protocol):
    """What the courier takes from and reports to; used on the courier's thread only."""

    def unsent(self, limit: int) -> list[tuple[int, Event]]:
        """Return the oldest events without an answer, with their local numbers."""
        ...

    def settle(self, answers: Sequence[tuple[int, EventAnswer]], at_ms: int) -> None:
        """Keep the community's answers, by local number."""
        ...


@dataclass(frozen=True, slots=True)
class CourierState:
    """How the courier fares.

    `last_contact_ms` is the instant of the last valid answer, `drift_ms` how far the device's clock is ahead of the
    community's, `trouble` the reason why nothing moves (None when all is well).
    """

    last_contact_ms: int | None = None
    drift_ms: int | None = None
    trouble: GatepostError | None = None


class TransferError(GatepostError):
    """The community cannot be reached or did not answer as itself; it is tried again."""


class NotWelcomeError(TransferError):
    """The community knows this station no more (401, 403): nothing is deleted, sending rests for a minute."""


class Courier:
    """Sends what the outbox of `station` holds to the community at `url` under the station's `secret`.

    `open_outbox` is entered on the courier's thread. `on_state` is called there too, whenever the state changed.
    `now_ms` is the station's clock. `longest_wait_s` bounds the pause between two tries, `timeout_s` a request.
    """

    def __init__(
        self,
        *,
        url: str,
        secret: str,
        community: str,
        station: str,
        open_outbox: Callable[[], AbstractContextManager[Outbox]],
        on_state: Callable[[CourierState], None],
        now_ms: Callable[[], int],
        longest_wait_s: float = 30.0,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url = url
        self._secret = secret
        self._community = community
        self._station = station
        self._open_outbox = open_outbox
        self._on_state = on_state
        self._now_ms = now_ms
        self._longest_wait_s = longest_wait_s
        self._timeout_s = timeout_s
        self._state = CourierState()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def stop(self, timeout_s: float = 0.5) -> None:
        """Ask the thread to end and wait for at most `timeout_s`; a request under way ends by its own time-out."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def nudge(self) -> None:
        """Say that there may be something new to send; costs nothing and never blocks."""
        self._wake.set()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                with self._open_outbox() as outbox, connect(self._url, self._secret, self._timeout_s) as client:
                    greet(client, self._community, self._station)
                    while not self._stopping.is_set():
                        self._wake.clear()
                        more = self._carry(client, outbox)
                        failures = 0
                        self._wake.wait(0.0 if more else self._longest_wait_s)
            except GatepostError as error:
                failures += 1
                self._tell(replace(self._state, trouble=error))
                # New records must not hurry a community that is down: only the pause or the end wakes us.
                self._stopping.wait(self._pause_s(error, failures))

    def _carry(self, client: "httpx2.Client", outbox: Outbox) -> bool:
        asked_ms = self._now_ms()
        sent, server_time_ms = carry_once(client, outbox, self._community, self._now_ms)
        answered_ms = self._now_ms()
        self._tell(CourierState(answered_ms, (asked_ms + answered_ms) // 2 - server_time_ms))
        return sent > 0

    def _pause_s(self, error: GatepostError, failures: int) -> float:
        if isinstance(error, NotWelcomeError):
            pause_s = _WELCOME_PAUSE_S
        else:
            pause_s = min(self._longest_wait_s, _SHORTEST_PAUSE_S * 2 ** min(failures, 10))
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter against 43 gates retrying in step

    def _tell(self, state: CourierState) -> None:
        if state != self._state:
            self._state = state
            self._on_state(state)


def carry_once(client: "httpx2.Client", outbox: Outbox, community: str, now_ms: Callable[[], int]) -> tuple[int, int]:
    """Send one batch and keep its answers; return how many events were answered and the community's time.

    With nothing to send it only asks who answers. Raises `TransferError` when there is no valid answer of this
    community; then nothing is marked.
    """
    numbers: list[int] = []
    lines: list[bytes] = []
    size = 0
    for n, event in outbox.unsent(MAX_EVENTS):
        line = to_json(event)
        if lines and size + len(line) > BATCH_BYTES:
            break
        numbers.append(n)
        lines.append(line)
        size += len(line) + 1
    if not lines:
        return 0, ask_station(client, community).server_time_ms
    answer = _post(client, lines)
    _check_community(answer.community, community)
    outbox.settle([(numbers[result.line], result) for result in answer.results], now_ms())
    return len(lines), answer.server_time_ms


def greet(client: "httpx2.Client", community: str, station: str) -> None:
    """Make sure, before anything is sent, that the community takes us for the station that we are.

    Under another station's secret every record would be set aside as that station's. Raises `TransferError` when the
    secret is another station's, and like `ask_station`.
    """
    answer = ask_station(client, community)
    if answer.station != station:
        raise TransferError(
            N_("the secret is that of station {answered}, and this is {expected}; put the right secret file back"),
            answered=answer.station,
            expected=station,
        )


def ask_station(client: "httpx2.Client", community: str) -> StationAnswer:
    """Ask who the community takes us for; raises `TransferError` when `community` does not answer as itself."""
    answer = _decode(_send(client, "GET", "/v1/station", None), StationAnswer)
    _check_community(answer.community, community)
    return answer


def connect(url: str, secret: str, timeout_s: float = TIMEOUT_S) -> "httpx2.Client":
    """Return a client of the community at `url` that names itself by the station's secret.

    Raises `TransferError` for what is no address.
    """
    import httpx2

    try:
        return httpx2.Client(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {secret}", "accept-encoding": "identity"},
            timeout=httpx2.Timeout(timeout_s, connect=min(3.0, timeout_s)),
            follow_redirects=False,
            trust_env=False,
        )
    except (httpx2.InvalidURL, OSError, ValueError) as error:
        raise TransferError(
            N_("community.url = {url}: no connection can be made with it ({error}); correct it in settings.toml"),
            url=url,
            error=error,
        ) from error


def _post(client: "httpx2.Client", lines: list[bytes]) -> JournalAnswer:
    content = gzip.compress(b"\n".join(lines) + b"\n", compresslevel=5, mtime=0)
    answer = _decode(_send(client, "POST", "/v1/journal", content), JournalAnswer)
    if sorted(result.line for result in answer.results) != list(range(len(lines))):
        raise TransferError(N_("the community's answer does not fit what was sent; it will be sent again"))
    return answer


def _send(client: "httpx2.Client", method: str, path: str, content: bytes | None) -> bytes:
    import httpx2

    headers = {"content-type": MEDIA_TYPE, "content-encoding": "gzip"} if content else {}
    try:
        with client.stream(method, path, content=content, headers=headers) as response:
            return _answer_of(client, response)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise TransferError(
            N_("{url}: the community cannot be reached ({error}); records stay here and are sent later"),
            url=client.base_url,
            error=str(error) or type(error).__name__,
        ) from error


def _answer_of(client: "httpx2.Client", response: "httpx2.Response") -> bytes:
    """Return the answer's bytes if they are the community's, and good news."""
    if response.headers.get(PROTOCOL_HEADER) != PROTOCOL_VERSION:
        raise TransferError(
            N_("{url}: something else answered in the community's place (status {status}); check the network's log-in"),
            url=client.base_url,
            status=response.status_code,
        )
    content = _read(client, response)
    if response.status_code in (401, 403):
        raise NotWelcomeError(
            N_("{url}: the community does not accept this station ({detail}); ask its office. Nothing is lost"),
            url=client.base_url,
            detail=_detail(content),
        )
    if response.status_code != 200:
        raise TransferError(
            N_("{url}: the community could not take the records (status {status}: {detail}); they are sent again"),
            url=client.base_url,
            status=response.status_code,
            detail=_detail(content),
        )
    return content


def _read(client: "httpx2.Client", response: "httpx2.Response") -> bytes:
    """Read what comes, within bounds: an answer without end must fill neither the memory nor the day."""
    deadline_s = time.monotonic() + (client.timeout.read or TIMEOUT_S)
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > MAX_BODY_BYTES or time.monotonic() > deadline_s:
            raise TransferError(
                N_("{url}: the answer is too long or comes too slowly; the records are sent again"),
                url=client.base_url,
            )
    return bytes(content)


def _decode(content: bytes, answer_type: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(content, type=answer_type)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise TransferError(
            N_("the community's answer cannot be read ({error}); it will be asked again"), error=error
        ) from error


def _detail(content: bytes) -> str:
    try:
        return msgspec.json.decode(content, type=Problem).detail
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "-"


def _check_community(answered: str, expected: str) -> None:
    if answered != expected:
        raise TransferError(
            N_("the server belongs to community {answered}, this station to {expected}; correct community.url"),
            answered=answered,
            expected=expected,
        )
