"""Settings: written, read back, and what an address may be."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passes.temperature import Finding
from station.settings import (
    FILE_NAME,
    CommunitySettings,
    GateSettings,
    IdCardSettings,
    ScannerSettings,
    Settings,
    SettingsError,
    StationSettings,
    TemperatureSettings,
    ThermometerSettings,
    default_folder,
    load_settings,
    save_settings,
)

HTTP = "http://"
PLAIN = Settings(StationSettings("east", "东门"), CommunitySettings("370212004001", "平安里", "Asia/Shanghai"))

names = st.text(min_size=1, max_size=64)
identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", fullmatch=True)
anything = st.builds(
    Settings,
    st.builds(StationSettings, identifiers, names),
    st.builds(
        CommunitySettings,
        identifiers,
        names,
        st.sampled_from(["Asia/Shanghai", "Asia/Urumqi", "UTC"]),
        st.sampled_from(["", "http://127.0.0.1:8443", "https://gate.example/prefix"]),
    ),
    st.builds(GateSettings, st.sampled_from(["entry", "exit"]), st.sampled_from(["zh", "en"])),
    thermometer=st.builds(
        ThermometerSettings,
        port=st.text(),
        baud_rate=st.integers(1, 4_000_000),
        offset_celsius=st.floats(-5, 5),
        site=st.sampled_from(["forehead", "wrist", "neck", "armpit", "ear"]),
    ),
    scanners=st.lists(
        st.builds(
            ScannerSettings, st.text(min_size=1), st.integers(1, 4_000_000), st.sampled_from(["", "entry", "exit"])
        ),
        max_size=3,
    ),
    idcard=st.builds(IdCardSettings, st.text(), st.integers(1, 4_000_000)),
    temperature=st.builds(TemperatureSettings, st.floats(36, 40), st.sampled_from([">=", ">"]), st.floats(30, 36)),
)


@given(anything)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_saved_is_read_back(tmp_path: Path, written: Settings) -> None:
    save_settings(tmp_path, written)

    assert load_settings(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_only_who_and_where_must_be_said(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(
        '[station]\nid = "east"\nname = "东门"\n'
        '[community]\nid = "370212004001"\nname = "平安里"\nzone = "Asia/Shanghai"\n',
        "utf-8",
    )

    assert load_settings(tmp_path) == PLAIN
    assert (PLAIN.community.url, PLAIN.thermometer.port, PLAIN.gate.direction) == ("", "", "exit")
    assert PLAIN.zone.key == "Asia/Shanghai"


def test_a_wrong_value_of_the_second_scanner_is_named(tmp_path: Path) -> None:
    scanners = [ScannerSettings("/dev/ttyACM0"), ScannerSettings("/dev/ttyACM1")]
    save_settings(tmp_path, Settings(PLAIN.station, PLAIN.community, scanners=scanners))
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text("utf-8").replace('"/dev/ttyACM1"', "7"), "utf-8")

    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)

    assert "scanners[1].port = 7" in str(caught.value)


def test_a_file_with_marks_of_windows_is_read(tmp_path: Path) -> None:
    save_settings(tmp_path, PLAIN)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert load_settings(tmp_path) == PLAIN


@pytest.mark.parametrize(
    ("operator", "finding"),
    [(">=", Finding.FEVER), (">", Finding.NORMAL)],
)
def test_the_operator_decides_about_the_threshold_itself(operator: str, finding: Finding) -> None:
    rule = TemperatureSettings(fever_celsius=37.5, operator=">" if operator == ">" else ">=").rule()

    assert [rule.judge(celsius) for celsius in (37.4, 37.5, 37.6)] == [Finding.NORMAL, finding, Finding.FEVER]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8443",
        "http://[::1]:8443/",
        "https://gate.example",
        "https://gate.example/community/1/",
        "https://xn--fiqs8s.example",
    ],
)
def test_addresses_of_servers(tmp_path: Path, url: str) -> None:
    save_settings(tmp_path, Settings(PLAIN.station, CommunitySettings("c", "n", "UTC", url)))

    assert load_settings(tmp_path).community.url == url


@pytest.mark.parametrize(
    "url",
    [
        "gate.example",
        "ftp://gate.example",
        "http://",
        "http:///path",
        f"{HTTP}[::1",
        "http://gate.example:port",
        "http://gate.example:99999",
        "http://gate.example:0",
        "http://gate.example:-1",
        f"{HTTP}me:secret@gate.example",
        "http://gate.example/?a=b",
        "http://gate.example/#top",
        f"{HTTP}gate example",
        "http://gate.example\t",
        "http://gate.example\u202e",
        "http://gate.example\x00",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_address_of_a_server(tmp_path: Path, url: str) -> None:
    save_settings(tmp_path, Settings(PLAIN.station, CommunitySettings("c", "n", "UTC", url)))

    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)

    assert caught.value.values == {"path": tmp_path / FILE_NAME, "url": url}
    assert caught.value.exit_code == 2


def test_the_folder_comes_from_the_environment_or_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEPOST_DIR", str(tmp_path))
    assert default_folder() == tmp_path

    monkeypatch.setenv("GATEPOST_DIR", "")
    assert default_folder().name == "gatepost"
