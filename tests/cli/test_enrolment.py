"""A one-time code: read out by the office, typed at the station, used once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.clock import SystemClock
from station.settings import HEAD_KEY_FILE, SECRET_FILE, load_root, load_settings
from sync.client import NotWelcomeError, ask_enrolment, ask_station, connect
from sync.community.api import make_app
from sync.community.database import Engine, communities, offers, open_engine, reading, stations
from sync.community.offers import MOST_TRIES, VALID_MS, OfferError, take
from sync.community.office import load_digest, load_root_public
from sync.community.settings import CommunitySettings
from sync.community.settings import load_settings as load_community
from sync.onetime import keys_of, make_code
from sync.wire import EnrolmentRequest
from tests.cli.conftest import VALID, Run
from tests.community.conftest import serving
from tests.station.post import HandClock


@pytest.fixture
def office(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "office"
    assert run("community", "init", "--dir", folder, "--id", "370212004001", "--name", "平安里").code == 0
    return folder


@pytest.fixture
def settings(office: Path) -> CommunitySettings:
    return load_community(office)


@pytest.fixture
def engine(office: Path, settings: CommunitySettings) -> Iterator[Engine]:
    opened = open_engine(settings.database_url(office))
    yield opened
    opened.dispose()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(SystemClock().now_ms())


@pytest.fixture
def url(engine: Engine, settings: CommunitySettings, clock: HandClock) -> Iterator[str]:
    with serving(make_app(engine, settings.community.id, clock.now_ms)) as address:
        yield address


def code_for(run: Run, office: Path, *words: str) -> str:
    told = run("community", "station", *words, "--dir", office)
    assert told.code == 0, told
    return told.out.split("One-time code: ")[1].split(" ")[0]


def test_a_station_joins_by_a_code_that_was_read_out(run: Run, office: Path, url: str, tmp_path: Path) -> None:
    code = code_for(run, office, "add", "east", "--name", "东门", "--code", "--issue")
    said = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    told = run("init", "--join", url, "--code", said, "--dir", tmp_path / "east", "--json")

    assert told.code == 0, told
    made = load_settings(tmp_path / "east")
    assert (made.station.id, made.station.name, made.community.name, made.community.url) == (
        "east",
        "东门",
        "平安里",
        url,
    )
    assert load_root(tmp_path / "east") == load_root_public(office)
    digest = load_digest(office)
    assert digest is not None
    assert (tmp_path / "east" / "digest.key").read_text() == digest.raw.hex()
    assert run("sync", "run", "--dir", tmp_path / "east").code == 0
    words = ("--holder", "王小明", "--address", "3-2-501", *VALID)
    issued = run("pass", "issue", *words, "--dir", tmp_path / "east")
    assert issued.code == 0, issued
    assert not (office / "east.enrolment.json").exists()


def test_a_code_is_used_once_but_a_lost_answer_may_be_asked_for_again(
    run: Run, office: Path, url: str, engine: Engine, tmp_path: Path
) -> None:
    code = code_for(run, office, "add", "east", "--name", "东门", "--code")
    keys = keys_of(code)
    first = tmp_path / "first"
    assert run("init", "--join", url, "--code", code, "--dir", first).code == 0

    run("init", "--join", url, "--code", code, "--dir", tmp_path / "second").refused(1, "was used", "office")

    assert not (tmp_path / "second" / "settings.toml").exists()
    assert not (tmp_path / "second" / SECRET_FILE).exists()
    # The folder was lost before it was whole, all but the key that the code was taken for.
    secret = (first / SECRET_FILE).read_text()
    for path in first.iterdir():
        if path.name != HEAD_KEY_FILE:
            path.unlink()
    assert run("init", "--join", url, "--code", code, "--dir", first).code == 0
    assert (first / SECRET_FILE).read_text() == secret
    # Neither what travels nor what the database keeps shows the secret.
    with reading(engine) as connection:
        row = connection.execute(offers.select()).one()
    assert secret.encode() not in bytes(row.sealed)
    assert code.replace("-", "") not in str(row)
    assert keys.proof.hex() not in str(row)


def test_a_new_code_for_a_station_shuts_the_machine_before_it_out(
    run: Run, office: Path, url: str, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    code = code_for(run, office, "add", "east", "--name", "东门", "--code")
    assert run("init", "--join", url, "--code", code, "--dir", old).code == 0
    code = code_for(run, office, "code", "east")
    assert run("sync", "run", "--dir", old).code == 0  # until it is used

    assert run("init", "--join", url, "--code", code, "--dir", new).code == 0

    run("sync", "run", "--dir", old).refused(1, "does not accept this station")
    assert run("sync", "run", "--dir", new).code == 0
    assert run("community", "station", "withdraw", "east", "--dir", office).code == 0
    run("sync", "run", "--dir", new).refused(1, "was withdrawn")
    run("community", "station", "code", "east", "--dir", office).refused(2, "no enrolled station")


def test_a_slip_a_guess_and_an_old_code_get_nothing(
    run: Run, office: Path, url: str, engine: Engine, clock: HandClock, tmp_path: Path
) -> None:
    code = code_for(run, office, "add", "east", "--name", "东门", "--code")
    slip = ("2" if code[0] != "2" else "3") + code[1:]
    run("init", "--join", url, "--code", slip, "--dir", tmp_path / "s").refused(2, "slip", "15")
    run("init", "--join", url, "--code", make_code(), "--dir", tmp_path / "s").refused(1, "not known here")
    run("init", "--join", url, "--dir", tmp_path / "s").refused(2, "--code")
    keys = keys_of(code)
    wish = EnrolmentRequest(locator=keys.locator, proof=keys.proof, public_key=bytes(32))
    community = load_community(office).community.id

    with pytest.raises(OfferError):
        take(engine, community, wish, clock.now_ms() + VALID_MS + 60_000)
    with pytest.raises(OfferError):
        take(engine, "another", wish, clock.now_ms())
    for _ in range(MOST_TRIES):
        with pytest.raises(NotWelcomeError, match="not known here"):
            ask_enrolment(url, EnrolmentRequest(locator=keys.locator, proof=bytes(32), public_key=bytes(32)))
    run("init", "--join", url, "--code", code, "--dir", tmp_path / "s").refused(1, "not known here")
    # Nobody is the station yet, whatever was tried.
    with reading(engine) as connection:
        assert connection.execute(stations.select()).one().public_key is None


def test_another_server_has_nothing_that_opens(
    run: Run, office: Path, url: str, engine: Engine, tmp_path: Path
) -> None:
    code = code_for(run, office, "add", "east", "--name", "东门", "--code")
    keys, other = keys_of(code), keys_of(make_code())
    with engine.begin() as connection:
        [row] = connection.execute(offers.select()).all()
        [community] = connection.execute(communities.select()).all()
        assert community.community == row.community
        # Whoever runs the server can seal what they like, but not under a code that they do not know.
        changed = bytes([row.sealed[0] ^ 1]) + bytes(row.sealed[1:])
        connection.execute(offers.update().values(sealed=changed))

    run("init", "--join", url, "--code", code, "--dir", tmp_path / "s").refused(1, "does not open with this code")

    assert not (tmp_path / "s" / "settings.toml").exists()
    assert other.locator != keys.locator
    with connect(url, "gps_guess") as client, pytest.raises(NotWelcomeError):
        ask_station(client, "370212004001")
