"""Running the community's application on a socket, in one process or several, until told to end."""

import ipaddress
import multiprocessing.connection
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from passes.errors import N_, GatepostError, UsageError
from sync.community.logs import log_config
from sync.community.patience import MAX_CONNECTIONS, MAX_HEAD_BYTES, PatientProtocol

KEEP_ALIVE_S = 60
SHUTDOWN_TIMEOUT_S = 5
BACKLOG = 1024
START_TIMEOUT_S = 30.0
MAX_PROCESSES = 64


class ListenError(GatepostError):
    """The address cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate chain and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Front:
    """What stands between the stations and the application.

    `tls` is our own; `proxies` are the addresses or networks of reverse proxies whose word on who asks is taken, nobody
    else's is. With `log_requests` every request is logged.
    """

    tls: Tls | None = None
    proxies: tuple[str, ...] = ()
    log_requests: bool = False


PLAIN = Front()


def check_address(host: str, tls: Tls | None, *, insecure: bool) -> None:
    """Raise `UsageError` when secrets and names would leave this machine without TLS and nobody asked for that."""
    if tls is not None:
        for option, path in (("--tls-cert", tls.certificate), ("--tls-key", tls.key)):
            if not path.is_file():
                raise UsageError(
                    N_("{option} {path}: there is no such file; name the PEM file"), option=option, path=path
                )
        _check_certificate(tls)
    elif not (insecure or _is_loopback(host)):
        raise UsageError(
            N_(
                "--host {host}: this address is reached from other machines, and there is no TLS;"
                " add --tls-cert and --tls-key, or --insecure behind a TLS proxy"
            ),
            host=host,
        )


def _check_certificate(tls: Tls) -> None:
    def nobody_to_ask() -> str:
        raise UsageError(
            N_("--tls-key {path}: has a passphrase, which a service cannot be asked for; give it a key without one"),
            path=tls.key,
        )

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, nobody_to_ask)
    except OSError as error:
        raise UsageError(
            N_("--tls-cert {certificate}, --tls-key {key}: no certificate with its key ({error}); name PEM files"),
            certificate=tls.certificate,
            key=tls.key,
            error=error,
        ) from error


def check_proxies(proxies: tuple[str, ...]) -> None:
    """Raise `UsageError` unless each is an address or a network; a name could be anybody's tomorrow."""
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            raise UsageError(
                N_("--trusted-proxy {proxy}: write the address of your proxy, like 127.0.0.1, or its network"),
                proxy=proxy[:80],
            ) from error


def check_processes(engine: sa.Engine, processes: int) -> None:
    """Raise `UsageError` unless so many processes may serve the database that `engine` opens."""
    if not 1 <= processes <= MAX_PROCESSES:
        raise UsageError(
            N_("--processes {processes}: 1 to {most} can be started; take one for each CPU"),
            processes=processes,
            most=MAX_PROCESSES,
        )
    if processes > 1 and engine.dialect.name == "sqlite":
        raise UsageError(
            N_(
                "--processes {processes}: a SQLite file is written by one process at a time and gets no faster;"
                " leave the option out, or move the community to PostgreSQL"
            ),
            processes=processes,
        )


def serve(app: ASGIApp, host: str, port: int, on_listening: Callable[[str], None], *, front: Front = PLAIN) -> None:
    """Serve `app` until SIGTERM or Ctrl+C, then end open requests and return.

    `port` 0 takes a free one. `on_listening` is called once with the real address as soon as requests are accepted.
    Raises `ListenError` when the address cannot be had.
    """
    with _listening(host, port) as listener, _signals_only_end_the_server():
        address = _address(listener, front.tls)
        _Server(_config(app, front), lambda: on_listening(address)).run(sockets=[listener])


def serve_in_processes(
    make: Callable[[], ASGIApp],
    processes: int,
    host: str,
    port: int,
    on_listening: Callable[[str], None],
    *,
    front: Front = PLAIN,
) -> None:
    """Serve as `serve` does, in `processes` processes that share the address; one that dies is replaced.

    Each makes an application of its own with `make`, which has to be picklable.
    """
    # What is wrong with the certificate or the application is told here, once, and not by every process.
    _config(make, front, factory=True).load()
    with _listening(host, port) as listener, _signals_only_end_the_server():
        address = _address(listener, front.tls)
        config = _config(_Worker(make), front, factory=True, workers=processes)
        _Processes(config, [listener], lambda: on_listening(address)).run()


def _config(app: Callable[..., object], front: Front, *, factory: bool = False, workers: int = 1) -> uvicorn.Config:
    tls = front.tls
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        access_log=False,
        forwarded_allow_ips=list(front.proxies),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        http=PatientProtocol,
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        log_config=log_config(requests=front.log_requests),
        proxy_headers=bool(front.proxies),
        server_header=False,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        ws="none",
    )


def _address(listener: socket.socket, tls: Tls | None) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}"


@dataclass(frozen=True)
class _Worker:
    """Makes the application of one process, which ends with the one that started it, however that ends.

    Orphans would go on serving, and keep the address from the next server.
    """

    make: Callable[[], ASGIApp]

    def __call__(self) -> ASGIApp:
        first = multiprocessing.parent_process()
        if first is not None:
            threading.Thread(target=_end_with, args=(first.sentinel,), daemon=True).start()
        return self.make()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


class _Processes(Multiprocess):
    """Processes of which the first, once it serves, lets the address be told."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], on_listening: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._on_listening = on_listening

    def init_processes(self) -> None:
        super().init_processes()
        if self.processes[0].wait_until_ready(START_TIMEOUT_S):
            self._on_listening()


class _Server(uvicorn.Server):
    """A server that tells when it has begun to listen."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        # asyncio turns Nagle's algorithm off only where the protocol is named; with it every answer waits 40 ms for
        # the client's delayed acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise ListenError(
            N_("{host} port {port}: cannot listen ({error}); choose another --port or end the other program"),
            host=host,
            port=port,
            error=error,
        ) from error
    with listener:
        yield listener


@contextmanager
def _signals_only_end_the_server() -> Iterator[None]:
    """Keep uvicorn from ending the process by the signal that ended the server, so that the exit is a clean one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
