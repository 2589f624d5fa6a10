"""`gatepost community serve` as an administrator runs it: TLS, a proxy, several processes, metrics and logs."""

import gzip
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passes.errors import UsageError
from station.cli import gatepost
from sync.community.database import open_engine, writing
from sync.community.serving import Tls, check_address, check_proxies
from sync.community.stations import add_station
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS, Chain, lines_of, passage
from tests.community.fronts import log_lines

HOLDER, GUARD, ID_NUMBER = "欧阳测试", "诸葛测试", "110101199003070000"


def _certificate(folder: Path, passphrase: bytes | None = None) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gatepost.example")])
    today = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    tls = Tls(folder / "tls.pem", folder / "tls.key")
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how),
    )
    return tls


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _served(folder: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-W", "error", "-m", "station", "community", "serve", "--dir", str(folder), *options]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip(), process
        finally:
            process.send_signal(signal.SIGTERM)


def _init(folder: Path, *options: str) -> None:
    command = ["community", "init", "--dir", str(folder), "--id", COMMUNITY, "--name", "平安里", *options]
    CliRunner().invoke(gatepost, command, catch_exceptions=False, standalone_mode=False)


def _ask_eight_times(url: str, context: ssl.SSLContext, secret: str, batch: bytes) -> httpx2.Response:
    """Send a batch with a line that is none, and ask for what is refused; return one of the refusals."""
    headers = {"authorization": f"Bearer {secret}"}
    for _ in range(8):
        # A connection each, so that both processes get some.
        with httpx2.Client(verify=context, headers=headers, timeout=DEADLINE_S) as client:
            sent = client.post(
                f"{url}/v1/journal",
                content=gzip.compress(batch + b"no event " + HOLDER.encode()),
                headers={"content-encoding": "gzip"},
            )
            assert sent.status_code == 200, sent.text
            refused = client.get(f"{url}/v1/feed?after=1&limit={HOLDER}")
            assert refused.status_code == 400
            assert client.get(f"{url}/{HOLDER}", headers={"authorization": f"Bearer {secret}x"}).status_code == 404
            assert client.get(f"{url}/v1/station", headers={"authorization": "Bearer gps_no"}).status_code == 401
    return refused


def _check_counts(counted: str) -> None:
    """See that a scrape has the sum of what both processes did, and what the database knows."""
    values = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in counted.splitlines() if line[0] != "#"
    }
    assert values['gatepost_events_total{verdict="stored"}'] == 1
    assert values['gatepost_events_total{verdict="already"}'] == 7
    assert values['gatepost_events_total{verdict="fork"}'] == 16
    assert values['gatepost_events_total{verdict="quarantined"}'] == 8
    assert values['gatepost_requests_total{method="POST",route="/v1/journal",status="200"}'] == 8
    assert values['gatepost_requests_total{method="GET",route="other",status="404"}'] == 8
    assert values['gatepost_request_seconds_count{route="/v1/journal"}'] == 8
    assert values["gatepost_database_up"] == 1
    assert values["gatepost_quarantined_lines"] == 1
    assert values['gatepost_station_contact_age_seconds{station="east"}'] < 60
    assert values["gatepost_database_bytes"] > 1_000_000
    assert values["gatepost_feed_length"] >= 1


def test_two_processes_behind_tls_with_metrics_and_logs(postgresql_database: str, tmp_path: Path) -> None:
    folder, metrics_port, tls = tmp_path / "office", _free_port(), _certificate(tmp_path)
    _init(folder, "--database", postgresql_database)
    engine = open_engine(postgresql_database)
    secret = add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    batch = lines_of([Chain("east", guard=GUARD).add(passage(HOLDER, remark=ID_NUMBER)) for _ in range(3)])
    options = ["--port", "0", "--tls-cert", str(tls.certificate), "--tls-key", str(tls.key), "--log-requests"]
    options += ["--processes", "2", "--metrics-port", str(metrics_port)]
    with _served(folder, *options) as (url, process):
        context = ssl.create_default_context(cafile=str(tls.certificate))
        headers = {"authorization": f"Bearer {secret}"}
        refused = _ask_eight_times(url, context, secret, batch)
        with pytest.raises(httpx2.TransportError):
            httpx2.get(url.replace("https", "http") + "/v1/health")
        counted = httpx2.get(f"http://127.0.0.1:{metrics_port}/metrics", timeout=DEADLINE_S).text
        # A defect in the middle of a batch: what the database says of it holds what was sent.
        with writing(engine) as connection:
            connection.execute(sa.text(f"ALTER TABLE events ADD CONSTRAINT odd CHECK (guard <> '{GUARD}') NOT VALID"))
        with httpx2.Client(verify=context, headers=headers, timeout=DEADLINE_S) as client:
            failed = client.post(f"{url}/v1/journal", content=lines_of([Chain("east", "02", guard=GUARD).add()]))
            assert failed.status_code == 503
            assert client.get(f"{url}/v1/health/live").json()["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        _out, errors = process.communicate(timeout=DEADLINE_S)
    engine.dispose()
    _check_counts(counted)
    assert process.returncode == 0
    lines = log_lines(errors)
    assert {line["status"] for line in lines if line["message"] == "request"} == {200, 400, 401, 404, 503}
    assert {line.get("station") for line in lines if line.get("status") == 200} == {"east", None}
    assert all("address" in line for line in lines if line.get("status") == 401)
    for private in (secret, "gps_", HOLDER, ID_NUMBER, GUARD):
        for text in (json.dumps(lines, ensure_ascii=False), counted, failed.text, refused.text.replace(HOLDER, "")):
            assert private not in text
    # Where the database is and what it said is in the log, and is nobody's business who asks.
    assert "odd" in errors
    assert "odd" not in failed.text
    assert "postgresql" not in failed.text


def test_a_trusted_proxy_tells_who_asks(tmp_path: Path) -> None:
    folder = tmp_path / "office"
    _init(folder)
    with _served(folder, "--port", "0", "--trusted-proxy", "127.0.0.1") as (url, process):
        headers = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"}
        assert httpx2.get(f"{url}/v1/station", headers=headers).status_code == 401
        process.send_signal(signal.SIGTERM)
        _out, errors = process.communicate(timeout=DEADLINE_S)
    assert [line["address"] for line in log_lines(errors)] == ["192.0.2.7"]


def test_what_cannot_be_served_is_told_before_anybody_listens(tmp_path: Path) -> None:
    good = _certificate(tmp_path)
    check_address("0.0.0.0", good, insecure=False)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UsageError, match="no certificate with its key"):
        check_address("0.0.0.0", Tls(good.certificate, _certificate(other).key), insecure=False)
    with pytest.raises(UsageError, match="no certificate with its key"):
        check_address("0.0.0.0", Tls(tmp_path / "tls.key", good.key), insecure=False)
    with pytest.raises(UsageError, match="passphrase"):
        check_address("0.0.0.0", _certificate(other, b"secret"), insecure=False)
    check_proxies(("127.0.0.1", "10.0.0.0/8", "2001:db8::/32"))
    for wrong in ("*", "localhost", "10.0.0.1/8", ""):
        with pytest.raises(UsageError, match="--trusted-proxy"):
            check_proxies((wrong,))
