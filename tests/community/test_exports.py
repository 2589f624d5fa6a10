import csv
import io
import json
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import openpyxl
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from passes.errors import UsageError
from passes.masking import mask_address
from sync.bodies import Attempt, ShiftHandedOver, ShiftOpened
from sync.community.database import exports, reading
from sync.community.exports import COLUMNS, make_sheet
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.masking import mask_text
from sync.community.pulling import Asking, Office, pull_passages
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
from sync.community.sheets import ExportError, Row, Sheet, save
from sync.community.shiftlog import Passage, Selection, latest_shift, list_passages, list_shifts
from sync.community.staff import NotAllowedError, add_staff, check_staff
from sync.community.stations import add_station
from sync.events import Clock, Event, recompute_hash
from sync.events import to_json as event_json
from tests.community.conftest import COMMUNITY, NOW_MS, Chain, passage
from tests.community.files import to_csv, to_json, to_xlsx

SHANGHAI = ZoneInfo("Asia/Shanghai")
TITLES = [column.title for column in COLUMNS.values()]
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "  =1",
    "[/]",
    "\u202eabc",
    "\x1b[2J",
    'a"b,c\nd',
    "http://x.example/",
]
SETTINGS = CommunitySettings(
    CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"), DatabaseTable("sqlite:///x"), ServerTable("http://127.0.0.1")
)


def store(engine: sa.Engine, station: str, events: list[Event]) -> None:
    batch = read_batch(engine, Setting(COMMUNITY, station, NOW_MS), [event_json(event) for event in events])
    answers = store_batch(engine, batch).answers
    assert {answer.status for answer in answers} == {"stored"}


def play_shift(engine: sa.Engine, station: str = "east", guards: tuple[str, ...] = ("王五", "李六")) -> str:
    """Store one shift of three passages, with one before it, in batches that arrive in the wrong order."""
    add_station(engine, COMMUNITY, station, station, NOW_MS)
    chain = Chain(station)
    before = chain.add(passage("早来"))
    opened = chain.add(ShiftOpened(guards=list(guards), lead="赵七"))
    chain.shift = opened.id
    readings = [Attempt(celsius=37.4, at_ms=1), Attempt(celsius=36.62, at_ms=2, number=2)]
    passages = [
        chain.add(passage("张三", remark="代取药")),
        chain.add(passage("欧阳小明", attempts=readings, direction="entry")),
        chain.add(passage("孙八", outcome="refused", verdict="refuse", reasons=["over_limit", "fever"], attempts=[])),
    ]
    handed = chain.add(ShiftHandedOver(outgoing="王五", incoming="周九", counts={"in": 1, "out": 1}))
    store(engine, station, [*passages[1:], handed])
    store(engine, station, [before, opened, passages[0]])
    return opened.id


def passages_of(texts: list[str]) -> list[Passage]:
    bodies = [passage(text, address=text, remark=text, pass_number=text, pass_kind=text) for text in texts]
    return [
        Passage("east", "01", number, f"id{number}", NOW_MS, NOW_MS, text, text, body)
        for number, (text, body) in enumerate(zip(texts, bodies, strict=True), 1)
    ]


def first_row(sheet: Sheet) -> Row:
    return next(iter(sheet.rows))


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_shifts_log_is_what_the_station_recorded(engine: sa.Engine) -> None:
    shift = play_shift(engine)
    found = list_passages(engine, COMMUNITY, Selection(shift=shift), SHANGHAI)
    assert [one.body.holder for one in found] == ["张三", "欧阳小明", "孙八"]
    assert [one.seq for one in found] == [3, 4, 5]
    listed = list_shifts(engine, COMMUNITY)
    assert [(one.id, one.station, one.guards, one.lead, one.passages) for one in listed] == [
        (shift, "east", ("王五", "李六"), "赵七", 3)
    ]
    behind_ms = 7
    assert listed[0].opened_at_ms == NOW_MS + 2000 + behind_ms
    assert listed[0].handed_over_at_ms == NOW_MS + 6000 + behind_ms
    assert latest_shift(engine, COMMUNITY) == latest_shift(engine, COMMUNITY, "east") == shift
    with pytest.raises(UsageError, match="no shift yet"):
        latest_shift(engine, COMMUNITY, "west")


def test_no_other_station_writes_into_a_shifts_log(engine: sa.Engine) -> None:
    shift = play_shift(engine)
    add_station(engine, COMMUNITY, "west", "West", NOW_MS)
    store(engine, "west", [Chain("west", shift=shift).add()])
    assert len(list_passages(engine, COMMUNITY, Selection(shift=shift), SHANGHAI)) == 3
    assert list_shifts(engine, COMMUNITY)[0].passages == 3
    with pytest.raises(UsageError, match="no station"):
        list_passages(engine, COMMUNITY, Selection(shift="nothing"), SHANGHAI)


def test_an_opening_sent_again_by_another_station_opens_nothing(engine: sa.Engine) -> None:
    shift = play_shift(engine)
    add_station(engine, COMMUNITY, "west", "West", NOW_MS)
    thief = Chain("west")
    opened = thief.add(ShiftOpened(guards=["贼"]))
    # Its own opening once more, under the id of a shift of the other gate.
    copied = msgspec.structs.replace(opened, id=shift)
    copied = msgspec.structs.replace(copied, hash=recompute_hash(copied))
    thief.prev, thief.shift = copied.hash, shift
    store(engine, "west", [copied, thief.add(passage("假人"))])

    found = list_passages(engine, COMMUNITY, Selection(shift=shift), SHANGHAI)
    assert [one.body.holder for one in found] == ["张三", "欧阳小明", "孙八"]
    assert [(one.id, one.station, one.passages) for one in list_shifts(engine, COMMUNITY)] == [(shift, "east", 3)]
    assert list_shifts(engine, COMMUNITY, station="west") == []
    assert list_passages(engine, COMMUNITY, Selection(shift=shift, station="west"), SHANGHAI) == []


def test_epochs_are_ordered_before_numbers(engine: sa.Engine) -> None:
    add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    store(engine, "east", Chain("east", epoch="02").many(2))
    store(engine, "east", Chain("east", epoch="01").many(11))
    found = list_passages(engine, COMMUNITY, Selection(station="east"), SHANGHAI)
    assert [(one.epoch, one.seq) for one in found] == [("01", n) for n in range(1, 12)] + [("02", 1), ("02", 2)]


def test_days_are_cut_in_the_communitys_zone(engine: sa.Engine) -> None:
    add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    midnight_ms = NOW_MS - 8 * 3_600_000
    chain = Chain("east")
    instants = [(ms, midnight_ms + ms) for ms in (-1, 0, 24 * 3_600_000 - 1, 24 * 3_600_000)]
    sent = [chain.add(passage(str(ms)), at_ms=at_ms, clock=Clock(device_ms=at_ms)) for ms, at_ms in instants]
    store(engine, "east", sent)
    found = list_passages(engine, COMMUNITY, Selection(day=date(2026, 2, 7)), SHANGHAI)
    assert [one.body.holder for one in found] == ["0", str(24 * 3_600_000 - 1)]
    sheet = make_sheet(found, SHANGHAI)
    assert {row["date"] for row in sheet.rows} == {"2026-02-07"}
    assert [row["time"] for row in sheet.rows] == ["00:00:00", "23:59:59"]


def test_the_table_is_masked_unless_told(engine: sa.Engine) -> None:
    shift = play_shift(engine)
    found = list_passages(engine, COMMUNITY, Selection(shift=shift), SHANGHAI)
    rows = table(to_csv(make_sheet(found, SHANGHAI)))
    assert rows[0] == TITLES
    assert [row[5:9] for row in rows[1:]] == [
        ["张*", "***-***-GHK", "Resident", "3-*-***"],
        ["欧**明", "***-***-GHK", "Resident", "3-*-***"],
        ["孙*", "***-***-GHK", "Resident", "3-*-***"],
    ]
    assert [row[13] for row in rows[1:]] == ["***", "", ""]
    whole = table(to_csv(make_sheet(found, SHANGHAI, unmasked=True)))
    assert whole[1] == [
        *["1", "2026-02-07", "08:00:03", "east", "out", "张三", "ABC-DEF-GHK", "Resident", "3-2-501", "36.5", ""],
        *["allowed", "", "代取药", "王五", shift, "", "", "", "", ""],
    ]
    assert whole[2][4:6] + whole[2][9:12] == ["in", "欧阳小明", "37.4", "36.62", "allowed"]
    assert whole[3][9:13] == ["", "", "refused", "over_limit, fever"]


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("3-2-501", "3-*-***"),
        ("3 号楼 2 单元 501", "3 号楼 * 单元 ***"),
        ("12栋1单元3002室", "12栋*单元****室"),
        ("东院", "东*"),
        ("A座501", "A****"),
        ("", ""),
    ],
)
def test_an_address_keeps_its_building(address: str, masked: str) -> None:
    assert mask_address(address) == masked
    assert mask_text(address) in {"", "***"}


def test_a_number_without_groups_is_hidden_whole() -> None:
    assert first_row(make_sheet(passages_of(["13900000000"]), SHANGHAI))["pass_number"] == "*" * 11


@pytest.mark.parametrize("unmasked", [True, False])
def test_hostile_text_is_only_text_in_csv(*, unmasked: bool) -> None:
    rows = table(to_csv(make_sheet(passages_of(HOSTILE), SHANGHAI, unmasked=unmasked)))
    assert len(rows) == len(HOSTILE) + 1
    for row in rows:
        assert len(row) == len(COLUMNS)
        for cell in row:
            assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))
            assert cell.isprintable()
    if unmasked:
        assert [row[5] for row in rows[1:4]] == ["'=1+1", "'+1", "'-1"]


def test_hostile_text_is_only_text_in_xlsx() -> None:
    texts = [*HOSTILE, "x" * 50_000]
    data = to_xlsx(make_sheet(passages_of(texts), SHANGHAI, unmasked=True), NOW_MS)
    page = openpyxl.load_workbook(io.BytesIO(data)).active
    assert page is not None
    for row in page.iter_rows():
        for cell in row:
            assert cell.data_type in {"s", "n"}
            assert cell.hyperlink is None
            assert cell.data_type == "n" or str(cell.value).isprintable()
    assert [cell.value for cell in page[2]][:6] == [1, "2026-02-07", "08:00:00", "east", "out", "=1+1"]
    assert page["J2"].value == 36.5
    assert data == to_xlsx(make_sheet(passages_of(texts), SHANGHAI, unmasked=True), NOW_MS)


def test_json_is_exact_and_harmless_on_a_terminal() -> None:
    data = to_json(make_sheet(passages_of([*HOSTILE, "a\0b", "张三", "𠮷\U000e0001"]), SHANGHAI, unmasked=True))
    text = data.decode()
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "张三" in text
    holders = [row["holder"] for row in json.loads(text)]
    assert holders == [*HOSTILE, "a\0b", "张三", "𠮷\U000e0001"]


def test_titles_and_words_are_translated() -> None:
    rows = table(to_csv(make_sheet(passages_of(["x"]), SHANGHAI), lambda text: f"<{text}>"))
    assert rows[0][0] == "<No.>"
    assert (rows[1][4], rows[1][11]) == ("<out>", "<allowed>")


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("old")
    save(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ExportError, match="no-such-folder"):
        save(tmp_path / "no-such-folder" / "log.csv", b"")


def test_unmasking_needs_a_role_and_its_password(engine: sa.Engine) -> None:
    shift = play_shift(engine)
    add_staff(engine, COMMUNITY, "viewer", role="viewer", password="long enough", now_ms=NOW_MS)
    add_staff(engine, COMMUNITY, "lead", role="lead", password="pass wörd", now_ms=NOW_MS)

    def pull(**wish: object) -> str:
        asked = Asking(file_format="json", **wish)  # type: ignore[arg-type] # short calls
        return pull_passages(Office(engine, SETTINGS, NOW_MS), Selection(shift=shift), asked, None)[1].decode()

    assert "欧阳小明" not in pull()
    assert "欧阳小明" in pull(unmask=True, staff_name="lead", password="pass wo\u0308rd")
    assert "欧阳小明" not in pull(staff_name="viewer", password="long enough")
    for wrong in (
        {"unmask": True, "staff_name": "viewer", "password": "long enough"},
        {"unmask": True, "staff_name": "lead", "password": "long enough"},
        {"unmask": True, "staff_name": "nobody", "password": ""},
        {"unmask": True},
    ):
        with pytest.raises(NotAllowedError):
            pull(**wrong)
    with reading(engine) as connection:
        logged = connection.execute(sa.select(exports).order_by(exports.c.staff_name, exports.c.unmasked)).all()
    assert sorted((row.staff_name or "", row.unmasked, row.passages, row.format) for row in logged) == [
        ("", False, 3, "json"),
        ("lead", True, 3, "json"),
        ("viewer", False, 3, "json"),
    ]
    assert all(shift in row.selection for row in logged)


def test_accounts_are_guarded(engine: sa.Engine) -> None:
    add_staff(engine, COMMUNITY, "admin", role="admin", password="12345678", now_ms=NOW_MS)
    assert check_staff(engine, COMMUNITY, "admin", "12345678") == "admin"
    with pytest.raises(UsageError, match="already"):
        add_staff(engine, COMMUNITY, "admin", role="viewer", password="12345678", now_ms=NOW_MS)
    with pytest.raises(UsageError, match="at least 8"):
        add_staff(engine, COMMUNITY, "b", role="viewer", password="1234567", now_ms=NOW_MS)
    with pytest.raises(NotAllowedError):
        check_staff(engine, "another", "admin", "12345678")


def test_an_unknown_account_costs_one_verification_like_a_known_one(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_staff(engine, COMMUNITY, "admin", role="admin", password="12345678", now_ms=NOW_MS)
    verified: list[str] = []

    class Watched:
        """Only verifies: whoever derives a hash here does work that tells an unknown account."""

        @staticmethod
        def verify_phc_encoded(password: bytes, expected: str) -> None:
            verified.append(expected)
            Argon2id.verify_phc_encoded(password, expected)

    monkeypatch.setattr("sync.community.staff.Argon2id", Watched)
    for name in ("admin", "nobody"):
        with pytest.raises(NotAllowedError, match=name):
            check_staff(engine, COMMUNITY, name, "wrong password")
    known, unknown = (phc.split("$") for phc in verified)
    assert known[:4] == unknown[:4]
    assert [len(part) for part in known] == [len(part) for part in unknown]


def test_an_empty_log_is_still_a_table() -> None:
    sheet: Sheet = make_sheet([], SHANGHAI)
    assert table(to_csv(sheet)) == [TITLES]
    assert json.loads(to_json(sheet)) == []
    assert openpyxl.load_workbook(io.BytesIO(to_xlsx(sheet, NOW_MS))).active is not None
