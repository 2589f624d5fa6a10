"""Speaking to the community over HTTP: who answers, whether it is the community, and how long it may take."""

from typing import TYPE_CHECKING, TypeVar

import msgspec

from passes.errors import N_, GatepostError
from sync.wire import (
    MAX_BODY_BYTES,
    MEDIA_TYPE,
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
    EnrolmentAnswer,
    EnrolmentRequest,
    HoldingsAnswer,
    Problem,
    StationAnswer,
)

if TYPE_CHECKING:
    import httpx2

_Answer = TypeVar("_Answer")

TIMEOUT_S = 10.0
"""No answer is waited for longer than this, however much of it has come."""

LONGEST_RETRY_S = 300.0
"""However long a server wants to be left alone, it is tried again after this."""


class TransferError(GatepostError):
    """The community cannot be reached or did not answer as itself; it is tried again.

    `retry_after_s` is how long the one who answered asked to be left alone, 0 where nothing was said.
    """

    retry_after_s: float = 0.0


class TooBigError(TransferError):
    """The request was too big for the community, or for a proxy before it (413); a smaller one may do."""


class NewGenerationError(TransferError):
    """The community's database is not the one that this station agreed with; it has to ask before it goes on."""


class NotWelcomeError(TransferError):
    """The community knows this station no more (401, 403): nothing is deleted, sending rests for a minute."""


def greet(client: "httpx2.Client", community: str, station: str) -> StationAnswer:
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
    return answer


def ask_holdings(client: "httpx2.Client", community: str) -> HoldingsAnswer:
    """Ask what the community holds of our journal; raises `TransferError` when it does not answer as itself."""
    answer = decode(send(client, "GET", "/v1/holdings", None), HoldingsAnswer)
    check_community(answer.community, community)
    return answer


def ask_enrolment(url: str, wish: EnrolmentRequest) -> bytes:
    """Return what the community at `url` has sealed for whoever has a code; raises `TransferError`."""
    with connect(url, "-") as client:
        content = send(client, "POST", "/v1/enrolment", msgspec.json.encode(wish), coding="identity")
        return decode(content, EnrolmentAnswer).sealed


def ask_station(client: "httpx2.Client", community: str) -> StationAnswer:
    """Ask who the community takes us for; raises `TransferError` when `community` does not answer as itself."""
    answer = decode(send(client, "GET", "/v1/station", None), StationAnswer)
    check_community(answer.community, community)
    return answer


def check_generation(answered: str, agreed: str | None) -> None:
    """Raise `NewGenerationError` when the database that answered is not the one that was `agreed` with, if any was."""
    if agreed not in (None, answered):
        raise NewGenerationError(N_("the community's database is another than before; asking what it holds"))


def connect(url: str, secret: str, timeout_s: float = TIMEOUT_S) -> "httpx2.Client":
    """Return a client of the community at `url` that names itself by the station's secret.

    Raises `TransferError` for what is no address.
    """
    import httpx2

    from sync.network import BoundedTransport

    try:
        return httpx2.Client(
            transport=BoundedTransport(),
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


def send(
    client: "httpx2.Client",
    method: str,
    path: str,
    content: bytes | None,
    *,
    coding: str = "gzip",
    headers: dict[str, str] | None = None,
) -> bytes:
    """Return the bytes that the community answered; `content` is coded as `coding` says.

    Raises `NotWelcomeError` for 401 and 403, `TooBigError` for 413, `TransferError` for everything else that is no good
    answer of its own.
    """
    import httpx2

    named = {"content-type": MEDIA_TYPE, "content-encoding": coding} if content else {}
    try:
        with client.stream(method, path, content=content, headers={**named, **(headers or {})}) as response:
            return _answer_of(client, response)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise TransferError(
            N_("{url}: the community cannot be reached ({error}); records stay here and are sent later"),
            url=client.base_url,
            error=str(error) or type(error).__name__,
        ) from error


def _answer_of(client: "httpx2.Client", response: "httpx2.Response") -> bytes:
    """Return the answer's bytes if they are the community's, and good news."""
    if response.status_code == 413:
        # A proxy may have a smaller limit than the community behind it.
        raise TooBigError(
            N_("{url}: the records are too many at once for the community; they are sent in smaller parts"),
            url=client.base_url,
        )
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
        refused = TransferError(
            N_("{url}: the community could not take the records (status {status}: {detail}); they are sent again"),
            url=client.base_url,
            status=response.status_code,
            detail=_detail(content),
        )
        refused.retry_after_s = _seconds(response.headers.get("retry-after", ""))
        raise refused
    return content


def _seconds(text: str) -> float:
    """Return the seconds of a Retry-After header; a date in it is not read (RFC 9110 section 10.2.3)."""
    return min(float(text), LONGEST_RETRY_S) if text.isascii() and text.isdecimal() else 0.0


def _read(client: "httpx2.Client", response: "httpx2.Response") -> bytes:
    """Read what comes, within bounds: an answer without end must not fill the memory."""
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise TransferError(N_("{url}: the answer is too long; the records are sent again"), url=client.base_url)
    return bytes(content)


def decode(content: bytes, answer_type: type[_Answer]) -> _Answer:
    """Return the answer that the bytes hold; raises `TransferError` when they hold none."""
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


def check_community(answered: str, expected: str) -> None:
    """Raise `TransferError` when the community that answered is another than ours."""
    if answered != expected:
        raise TransferError(
            N_("the server belongs to community {answered}, this station to {expected}; correct community.url"),
            answered=answered,
            expected=expected,
        )
