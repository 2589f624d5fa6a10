"""Who may do what: every route for every caller, every command for every role; nothing is left out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import click
import httpx2
import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from starlette.routing import Route

from passes.errors import GatepostError
from passes.trust import USE_SEALING
from station.cli.community import community
from station.i18n import set_language
from sync.bodies import PersonRegistered, Sealed
from sync.community.api import make_app
from sync.community.database import open_engine, reading
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.keys import current_list
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.settings import load_settings
from sync.community.staff import ROLES, Role, add_staff
from sync.community.stations import add_station, withdraw_station
from sync.events import to_json
from sync.sealing import Purpose, seal
from sync.wire import ClaimRequest, EnrolmentRequest
from tests.community.conftest import COMMUNITY, NOW_MS, Chain, lines_of, passage
from tests.community.fronts import fronted

OTHER = "370212004002"
PASSWORD = "correct horse"
ID_NUMBER = "110101199003070000"

CALLERS = ("nobody", "wrong secret", "no bearer", "other community", "withdrawn", "station")
_STATIONS_ONLY = (401, 401, 401, 401, 403, 200)
_ANYBODY = (200,) * len(CALLERS)
_WITH_CODE = (403,) * len(CALLERS)
"""A one-time code counts here, and no secret; nobody of `CALLERS` has one."""


ROUTES: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/v1/health"): _ANYBODY,
    ("GET", "/v1/health/live"): _ANYBODY,
    ("POST", "/v1/enrolment"): _WITH_CODE,
    ("GET", "/v1/station"): _STATIONS_ONLY,
    ("GET", "/v1/holdings"): _STATIONS_ONLY,
    ("POST", "/v1/journal"): _STATIONS_ONLY,
    ("GET", "/v1/feed"): _STATIONS_ONLY,
    ("POST", "/v1/claims"): _STATIONS_ONLY,
}
"""What each route answers to each of `CALLERS`. Who adds a route says here who may use it."""

HOSTILE = (
    "' OR '1'='1",
    "'; DROP TABLE events; --",
    '" OR 1=1 --',
    "%00",
    "x\tset-cookie: a=b",
    "../../etc/passwd",
    "${jndi:x}",
    "=1+1",
    "gps_" + "A" * 8000,
)


@dataclass
class Site:
    """A served community beside another one in the same database."""

    url: str
    engine: sa.Engine
    secrets: dict[str, str]

    def headers(self, caller: str) -> dict[str, str]:
        if caller == "nobody":
            return {}
        if caller == "no bearer":
            return {"authorization": f"Basic {self.secrets['station']}"}
        return {"authorization": f"Bearer {self.secrets.get(caller, 'gps_wrong')}"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('site')}/c.sqlite")
    migrate(engine)
    for name in (COMMUNITY, OTHER):
        add_community(engine, name, "平安里", "Asia/Shanghai")
    secrets = {
        "station": add_station(engine, COMMUNITY, "east", "East", NOW_MS),
        "withdrawn": add_station(engine, COMMUNITY, "west", "West", NOW_MS),
        "other community": add_station(engine, OTHER, "east", "East", NOW_MS),
    }
    withdraw_station(engine, COMMUNITY, "west", NOW_MS)
    with fronted(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url:
        yield Site(url, engine, secrets)
    engine.dispose()


def _ask(client: httpx2.Client, method: str, url: str, headers: dict[str, str]) -> httpx2.Response:
    body = b""
    if url.endswith("/v1/claims"):
        body = msgspec.json.encode(ClaimRequest(event_id="e", keys=["k"], at_ms=NOW_MS))
    if url.endswith("/v1/enrolment"):
        body = msgspec.json.encode(EnrolmentRequest(locator="0" * 32, proof=b"0" * 32, public_key=b"0" * 32))
    return client.request(method, url, headers=headers, content=body)


def test_every_route_answers_each_caller_as_written(site: Site) -> None:
    app = make_app(site.engine, COMMUNITY, lambda: NOW_MS)
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) == len(app.routes)
    there = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert there == {*ROUTES}, "say in ROUTES who may use a route that is new"
    with httpx2.Client() as client:
        for (method, path), expected in ROUTES.items():
            found = tuple(_ask(client, method, site.url + path, site.headers(caller)) for caller in CALLERS)
            assert tuple(answer.status_code for answer in found) == expected, (method, path)
            assert all(answer.headers["cache-control"] == "no-store" for answer in found)
            for other in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} - {method}:
                answer = client.request(other, site.url + path, headers=site.headers("station"))
                assert answer.status_code == 405, (other, path)


def test_no_route_knows_cookies(site: Site) -> None:
    """Sessions and forms of staff are not there: no cookie, so nothing that another site could ride on."""
    with httpx2.Client() as client:
        for (method, path), expected in ROUTES.items():
            plain = _ask(client, method, site.url + path, site.headers("station"))
            secret = site.secrets["station"]
            tried = {"cookie": f"session={secret}; authorization=Bearer {secret}", "origin": "https://evil.invalid"}
            ridden = _ask(client, method, site.url + path, tried)
            for answer in (plain, ridden):
                assert "set-cookie" not in answer.headers
                assert not [name for name in answer.headers if name.startswith("access-control-")]
            if expected is _STATIONS_ONLY:
                assert ridden.status_code == 401
    sources = Path(make_app.__code__.co_filename).parent.rglob("*.py")
    assert [path.name for path in sources if "cookie" in path.read_text("utf-8").lower()] == []


def test_nothing_that_is_sent_is_taken_for_sql_or_a_header(site: Site) -> None:
    def tables() -> int:
        with reading(site.engine) as connection:
            return len(sa.inspect(connection).get_table_names())

    before = tables()
    own = site.headers("station")
    with httpx2.Client(headers=own) as client:
        for number, text in enumerate(HOSTILE):
            secret = {"authorization": f"Bearer {text}"}
            assert client.get(f"{site.url}/v1/station", headers=secret).status_code == 401
            for name in ("after", "epoch", "limit", "wait", "x"):
                answer = client.get(f"{site.url}/v1/feed", params={name: text})
                assert answer.status_code == (400 if name in {"limit", "wait"} else 200)
                assert "a=b" not in str(answer.headers)
            claim = msgspec.json.encode(ClaimRequest(event_id=text, keys=[text], at_ms=NOW_MS))
            assert client.post(f"{site.url}/v1/claims", content=claim).status_code in {200, 400}
            chain = Chain("east", epoch=f"e{number}", guard=text, shift=text[:100])
            sent = client.post(f"{site.url}/v1/journal", content=lines_of([chain.add(passage(text, remark=text))]))
            assert sent.json()["results"][0]["status"] in {"stored", "quarantined"}
            assert client.get(f"{site.url}/{quote(text, safe='')}").status_code == 404
        assert client.get(f"{site.url}/v1/station").json()["station"] == "east"
    assert tables() == before
    with reading(site.engine) as connection:
        guards = {*connection.execute(sa.text("SELECT guard FROM events")).scalars()}
    assert {*HOSTILE[:3], "=1+1"} <= guards


# What each command that asks for an account answers to each role: 0 fine, 1 refused.
_WITH_NAMES: dict[Role, int] = {"viewer": 1, "worker": 0, "lead": 0, "admin": 0}
_WITH_NUMBERS: dict[Role, int] = {"viewer": 1, "worker": 1, "lead": 0, "admin": 0}
_MASKED: dict[Role, int] = dict.fromkeys(ROLES, 0)
ACCOUNTS: dict[tuple[str, ...], dict[Role, int]] = {
    ("pull", "--station", "east", "--unmask", "--json"): _WITH_NAMES,
    ("pull", "--station", "east", "--json"): _MASKED,
    ("ledger", "passages", "--unmask", "--json"): _WITH_NAMES,
    ("ledger", "passages", "--json"): _MASKED,
    ("person show", "p1", "--unmask", "--json"): _WITH_NUMBERS,
}

BY_FOLDER = {
    "backup", "check", "conflicts close", "conflicts list", "export", "import", "init", "key add", "key list",
    "key protect", "key rotate", "key seal", "key show", "key withdraw", "kind list", "kind set", "mode set",
    "mode show", "person find", "purge", "renew", "report daily", "restore", "serve", "shifts", "staff add",
    "station add", "station code", "station list", "station withdraw", "upgrade", "verify",
}  # fmt: skip
"""Commands for whoever may read the community's folder, which holds its keys: there is nothing to be asked besides."""


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group) and command.commands:
            yield from _commands(command, f"{prefix}{name} ")
            if not command.invoke_without_command:
                continue
            yield f"{prefix}{name}", command
        else:
            yield f"{prefix}{name}", command


def test_every_command_is_somebodys() -> None:
    found = dict(_commands(community))
    asking = {name for name, command in found.items() if any(one.name == "staff_name" for one in command.params)}
    assert asking == {line[0] for line in ACCOUNTS}, "say in ACCOUNTS which roles may use a command that asks who asks"
    assert {*found} - asking == BY_FOLDER, "say in BY_FOLDER that a command asks nobody, or let it ask"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A community's folder with an account for each role, a passage and a person with a sealed number."""
    folder = tmp_path_factory.mktemp("authorisation") / "office"
    made = ["init", "--dir", str(folder), "--id", COMMUNITY, "--name", "平安里"]
    CliRunner().invoke(community, made, catch_exceptions=False, standalone_mode=False)
    engine = open_engine(load_settings(folder).database_url(folder))
    for role in ROLES:
        add_staff(engine, COMMUNITY, f"孙{role}", role=role, password=PASSWORD, now_ms=NOW_MS)
    add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    key = current_list(engine, folder, COMMUNITY).newest(USE_SEALING)
    assert key is not None
    box = seal(ID_NUMBER, key, Purpose(COMMUNITY, "id_number", "p1"))
    chain = Chain("east")
    sent = [
        chain.add(passage("欧阳测试", holder_id="p1")),
        chain.add(
            PersonRegistered(
                person_id="p1",
                name="欧阳测试",
                household="h",
                address="3-2-501",
                id_number=Sealed(box=box, tail="0000"),
            )
        ),
    ]
    batch = read_batch(engine, Setting(COMMUNITY, "east", NOW_MS), [to_json(event) for event in sent])
    assert [one.status for one in store_batch(engine, batch).answers] == ["stored"] * 2
    engine.dispose()
    return folder


@pytest.mark.parametrize("line", ACCOUNTS, ids=" ".join)
def test_each_role_sees_what_it_may(office: Path, line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    set_language("en")
    words = [*line[0].split(), "--dir", str(office), *line[1:]]

    def run(name: str, password: str) -> tuple[int, str]:
        monkeypatch.setenv("GATEPOST_PASSWORD", password)
        given = [*words, "--as", name]
        result = CliRunner().invoke(community, given, standalone_mode=False)
        if isinstance(result.exception, GatepostError):
            return result.exception.exit_code, str(result.exception)
        assert result.exception is None, result.exception
        return result.exit_code, result.output

    secret = ID_NUMBER if line[0] == "person show" else "欧阳测试"
    for role, code in ACCOUNTS[line].items():
        found, said = run(f"孙{role}", PASSWORD)
        assert found == code, (role, said)
        shows = code == 0 and "--unmask" in line
        assert (secret in said or secret in json.dumps(said).encode().decode("unicode_escape")) is shows
        assert PASSWORD not in said
    # A wrong password and an account that is not there are told in the same words, after the same work.
    refused = [run("孙admin", "wrong horse"), run("孙nobody", PASSWORD), run("' OR 1=1 --", PASSWORD)]
    assert [code for code, _said in refused] == [1, 1, 1]
    assert {said.partition(": ")[2] for _code, said in refused} == {"no such account, or another password; check both"}
