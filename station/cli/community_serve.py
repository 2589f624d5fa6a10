"""`gatepost community serve`: the server that stations talk to."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from passes.errors import N_, UsageError
from station.cli.community_common import community_in, in_folder
from station.clock import SystemClock


@click.command()
@in_folder
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8443, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Private key of the certificate, PEM.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without TLS.")
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    help="Address or network of a reverse proxy that tells who asks; may be given again.",
)
@click.option("--processes", default=1, show_default=True, help="How many serve PostgreSQL, at most one for each CPU.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Loopback port for Prometheus; without it none.")
@click.option("--log-requests", is_flag=True, help="Log every request, not only refused and failed ones.")
def serve(
    *,
    folder: Path,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure: bool,
    proxies: tuple[str, ...],
    processes: int,
    metrics_port: int | None,
    log_requests: bool,
) -> None:
    """Serve the stations until Ctrl+C or SIGTERM."""
    with _counting(metrics_port) as counts:
        from sync.community.api import open_app
        from sync.community.jobs import finding
        from sync.community.metrics import serve_metrics
        from sync.community.serving import Front, Tls, check_address, check_processes, check_proxies, serve_in_processes
        from sync.community.serving import serve as serve_app

        if (tls_cert is None) != (tls_key is None):
            raise UsageError(N_("--tls-cert and --tls-key: one is useless without the other; give both"))
        front = Front(Tls(tls_cert, tls_key) if tls_cert and tls_key else None, proxies, log_requests)
        check_address(host, front.tls, insecure=insecure)
        check_proxies(proxies)
        now_ms = SystemClock().now_ms

        def tell(address: str) -> None:
            # Not translated: programs wait for this line and read the address out of it.
            click.echo(f"listening on {address}")

        with community_in(folder) as (settings, engine), finding(engine, settings.community.id, now_ms):
            check_processes(engine, processes)
            if metrics_port is not None and counts is not None:
                serve_metrics(engine, settings.community.id, now_ms, metrics_port, counts)
            url, community = settings.database_url(folder), settings.community.id
            make = functools.partial(open_app, url, community, now_ms, settings.limits)
            if processes == 1:
                app = make()
                try:
                    serve_app(app, host, port, tell, front=front)
                finally:
                    app.state.engine.dispose()
            else:
                serve_in_processes(make, processes, host, port, tell, front=front)


@contextmanager
def _counting(metrics_port: int | None) -> Iterator[Path | None]:
    """Make the folder that the server's processes count in; its name must be known before the counters are loaded."""
    if metrics_port is None:
        yield None
        return
    with TemporaryDirectory(prefix="gatepost-metrics-") as name:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = name
        yield Path(name)
