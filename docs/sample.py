"""A gate in the middle of its morning, for pictures and tests: invented people, and something on every screen."""

from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from passes.kinds import PRESETS
from passes.trips import Direction
from station import vehicles, visiting
from station.access import Role
from station.assembly import Station
from station.deciding import Scan
from station.duty import efforts, errands, health, incidents, inspections, quarantine, supplies, watch
from station.duty.book import DutyBook
from station.duty.handover import Count, HandOver, hand_over
from station.duty.outstanding import outstanding
from station.i18n import language
from station.issuing import Application, suspend
from station.notes import HEADS, write_note
from station.register import PassRow
from station.registering import Entry, register
from station.roster import Household
from station.settings import ScreenSettings, StationSettings
from station.shifts import open_shift
from sync.bodies import Attempt
from sync.wire import EventAnswer, FeedHead
from tests.station.post import SHANGHAI, HandClock

NOW = "03-10 08:12:45"
PIN = "739105"
_OUT, _IN = Direction.EXIT, Direction.ENTRY


def said(zh: str, en: str) -> str:
    """Return the words of this process's language."""
    return zh if language() == "zh" else en


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person: where they live, what they are to the household, and the kind of their pass."""

    zh: str
    en: str
    room: str
    role: str = "resident"
    kind: str = "resident"
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in this process's language."""
        return said(self.zh, self.en)


PEOPLE = (
    Person("赵小东", "Ann Sample", "1-2-301", "owner"),
    Person("钱小南", "Ben Sample", "2-1-401", "tenant", "tenant"),
    Person("孙大春", "Cleo Model", "5-1-302", kind="courier"),
    Person("李晨", "Dan Model", "4-2-601", "owner"),
    Person("吴大夏", "Eve Fiction", "5-2-701", "owner", flags=("elderly", "alone")),
    Person("郑小北", "Finn Fiction", "6-2-801", "landlord"),
    Person("王大秋", "Gus Invented", "3-2-501", "owner"),
    Person("冯小西", "Hope Invented", "3-2-501"),
    Person("陈暮", "Ida Nobody", "7-1-101", "tenant", "temporary", ("returnee",)),
    Person("褚大冬", "Jack Nobody", "7-1-102", "owner", flags=("disabled",)),
    Person("卫小东", "Kim Example", "8-2-202", kind="volunteer"),
    Person("蒋小南", "Lee Example", "8-2-203", "tenant", "tenant"),
)
"""Those who live here; the first row of each screen is about the first of them."""


class Morning:
    """Lets the morning happen at one station, by its clock; afterwards `rows` are the passes of `PEOPLE`."""

    def __init__(self, station: Station) -> None:
        self._station = station
        assert isinstance(station.clock, HandClock)  # noqa: S101 - it is moved by hand
        self._clock = station.clock
        self._book = DutyBook.of(station)
        self.rows: list[PassRow] = []

    def live(self) -> None:
        """Do everything, from the day before to `NOW`."""
        station = self._station
        station.settings.station = StationSettings(station.settings.station.id, said("东门 1 号岗", "East gate 1"))
        station.settings.screen = ScreenSettings(idle_lock_minutes=10)
        self._yesterday()
        self._night()
        self._duty()
        self._passages()
        self._vehicle_and_visitor()
        self.send()
        self.at(NOW)

    def at(self, local: str) -> None:
        """Put the clock to `month-day hour:minute:second` of 2026."""
        self._clock.ms = round(datetime.fromisoformat(f"2026-{local}").replace(tzinfo=SHANGHAI).timestamp() * 1000)

    @property
    def visit(self) -> dict[str, str]:
        """Return what a visitor says at the front desk."""
        return {
            "name": said("何大秋", "Wes Sample"),
            "id_number": "110101198501010033",
            "host": PEOPLE[0].name,
            "purpose": said("送快递", "to bring a parcel"),
            "origin": said("本市", "this town"),
        }

    @property
    def ride(self) -> dict[str, str]:
        """Return what a driver says."""
        return {
            "driver": said("吕小西", "Xan Model"),
            "passengers": said("吕大春、施晨", "Yan Model, Zoe Sample"),
            "origin": said("乙市", "Town B"),
            "destination": "3-2-501",
            "host": PEOPLE[6].name,
            "purpose": said("探亲", "to see family"),
            "disinfected": "1",
        }

    def leave(self) -> None:
        """Let the guard leave the post before anybody takes over."""
        everything = {one.key: False for one in outstanding(self._book)}
        goods = {one.item: Count(f"{one.quantity:g}") for one in supplies.stocks(self._book).values()}
        hand_over(self._book, HandOver(closed=everything, goods=goods, unmanned=True))
        self._clock.move(1200)

    def _yesterday(self) -> None:
        station = self._station
        self.at("03-09 14:00:00")
        for name, roles in (
            (said("周师傅", "Pat Guard"), {Role.GUARD}),
            (said("郑师傅", "Sam Guard"), {Role.GUARD, Role.ISSUER}),
            (said("吴组长", "Lou Lead"), {Role.GUARD, Role.LEAD}),
            (said("何主任", "Max Admin"), {Role.ADMIN}),
        ):
            station.access.set_member(name, roles)
            if Role.GUARD in roles:
                station.access.set_pin(name, PIN)
        open_shift(station.journal, station.register, station.clock, [said("郑师傅", "Sam Guard")], protected=True)
        desk = station.desk()
        for one in PEOPLE:
            home = Household(one.room, one.room, plates=("鲁B12345",)) if one.role == "owner" else None
            known = register(station, Entry(one.name, one.room, one.room, home, one.role, one.flags))
            first, last = date(2026, 3, 1), date(2026, 12, 31)
            asked = Application(one.name, one.room, PRESETS[one.kind], first, last, one.room, known.person_id)
            self.rows.append(desk.issue(asked))
        self._pass("03-09 17:20:14", 6, _OUT, 36.4)
        self._pass("03-09 18:02:51", 6, _IN, 36.6)

    def _night(self) -> None:
        self.at("03-09 22:00:00")
        told = said("3-2-501 借走手推车一辆，说好明早还", "the hand cart was lent to 3-2-501 until the morning")
        names = [said("周师傅", "Pat Guard"), said("卫志愿", "Kim Example")]
        hand_over(self._book, HandOver(incoming=names, lead=said("吴组长", "Lou Lead"), outstanding=told))

    def _duty(self) -> None:
        book = self._book
        self.at("03-09 22:40:00")
        for item, quantity, unit, low in (
            (said("口罩", "Masks"), "120", said("只", "pcs"), "50"),
            (said("酒精", "Alcohol"), "3", said("瓶", "btl"), "4"),
            (said("手套", "Gloves"), "60", said("双", "prs"), "20"),
        ):
            supplies.record(book, supplies.Move("stock_in", item, quantity, unit, low, source="allocated"))
        household = quarantine.Isolation(household="7-1-101", until=date(2026, 3, 23), plan="2h", letter_signed=True)
        person = self.rows[4]
        one = quarantine.Isolation(
            holder_id=person.holder_id,
            until=date(2026, 3, 15),
            plan="8:00 18:00",
            origin=said("甲市", "Town A"),
            responsible=said("何主任", "Max Admin"),
        )
        quarantine.open_case(book, household)
        quarantine.open_case(book, one)
        self.at("03-10 06:10:00")
        rule = self._station.gate.rule
        for case in quarantine.cases(book):
            health.check(book, case.order, rule, celsius="37.6" if case.order.household else "36.4")
        listed = said("丁一", "Nina Nowhere"), said("甲市乙路 3 号", "3 Second Street, Town A")
        watch.add(
            book,
            None,
            watch.Listing(*listed, reason=said("途经甲市", "came by Town A"), source=said("派出所", "police")),
        )
        inspections.record(
            book,
            inspector=said("孙督查", "Ray Inspector"),
            in_order={"on_post", "register_kept", "thermometer_works", "notices_shown"},
            finding=said("门口未消毒", "the gateway was not disinfected"),
        )
        errand = said("送药：降压药两盒", "medicine: two boxes")
        errands.add(
            book, wanted=errand, address="5-2-701", name=PEOPLE[4].name, assignee=said("卫志愿", "Kim"), due="10:00"
        )
        errands.add(book, wanted=said("送水一桶", "one can of water"), address="7-1-101", due="12:00")
        efforts.disinfect(book, place=said("东门通道", "East gateway"), agent=said("含氯消毒液", "chlorine"))
        efforts.count(book, "patrol", "2", said("北围墙", "north fence"))

    def _passages(self) -> None:
        station, gate = self._station, self._station.gate
        self._pass("03-10 06:42:07", 5, _OUT, 36.4)
        self._pass("03-10 06:55:30", 2, _IN, 36.7)
        self._pass("03-10 07:31:12", 1, _OUT, 36.4)
        self.at("03-10 07:33:00")
        gate.scan("https://pass.example/1", _OUT)
        self._pass("03-10 07:48:20", 1, _IN, 36.3)
        self._pass("03-10 07:52:26", 3, _OUT, 38.2)
        self._pass("03-10 07:55:03", 9, _OUT, 36.5)
        self.at("03-10 07:58:00")
        turned = self._seen(11, _OUT, 36.5)
        gate.turn_back(turned, said("没戴口罩", "no mask"))
        self.at("03-10 07:59:10")
        gate.override(
            self._seen(1, _OUT, 36.6), lead=said("吴组长", "Lou Lead"), reason=said("急诊", "to the hospital")
        )
        self.at("03-10 08:01:00")
        said_what = said("未测温就往里闯，推倒桩筒", "pushed past the thermometer, threw a cone over")
        incidents.report(self._book, incidents.Report("forced_entry", said_what, (said("刘某", "Owen Nobody"),)))
        self._pass("03-10 08:02:41", 10, _OUT, 36.6)
        suspend(station.journal, station.register, station.clock, self.rows[9], reason=said("请假", "on leave"))

    def _vehicle_and_visitor(self) -> None:
        self.at("03-10 08:05:20")
        passengers = (said("冯大春", "Uma Model"),)
        purpose, host = said("搬家", "moving house"), PEOPLE[0].name
        came = vehicles.Arrival(
            "鲁B67890", said("韩大夏", "Ted Model"), passengers=passengers, purpose=purpose, host=host
        )
        scan = self._station.gate.visit(vehicles.register(self._station, came), _IN)
        self._admit(self._measured(scan, 36.6))
        self.at("03-10 08:09:02")
        fixing = said("修水管", "to mend a pipe")
        asked = visiting.Registration(
            said("杨晨", "Vic Sample"), "110101199003074477", host=PEOPLE[3].name, purpose=fixing
        )
        scan = self._station.gate.visit(visiting.register(self._station, asked).visitor, _IN)
        self._admit(self._measured(scan, 36.8))

    def send(self, *, set_aside: int = 0) -> None:
        """Let everything have been sent, of which the office set the newest records aside."""
        station = self._station
        last_n, now_ms = station.journal.head().n, self._clock.now_ms()
        odd = EventAnswer(line=0, status="quarantined", reason="body.at_ms: lies 3 days ahead")
        answers = [(n, EventAnswer(line=n, status="stored")) for n in range(1, last_n + 1 - set_aside)]
        odd_ones = [(n, odd) for n in range(last_n + 1 - set_aside, last_n + 1)]
        station.outbox.settle([*answers, *odd_ones], now_ms)

    def hear(self) -> None:
        """Let the community have told of another gate, and of a pass that was used at both."""
        station, now_ms = self._station, self._clock.now_ms()
        heads = [FeedHead(station="west-1", epoch="01", seq=412, hash="aa", contact_ms=now_ms - 240_000)]
        with station.journal.writing():
            write_note(station.journal.connection, HEADS, msgspec.json.encode(heads).decode())
            station.journal.connection.execute(
                "INSERT INTO conflicts VALUES ('c1', 'already_out', ?, '[]', ?, ?, NULL, NULL)",
                (self.rows[6].pass_id, '["east-1", "west-1"]', now_ms - 3_600_000),
            )

    def _pass(self, local: str, who: int, way: Direction, celsius: float) -> None:
        self.at(local)
        self._admit(self._seen(who, way, celsius))

    def _seen(self, who: int, way: Direction, celsius: float) -> Scan:
        return self._measured(self._station.gate.scan(self.rows[who].token, way), celsius)

    def _measured(self, scan: Scan, celsius: float) -> Scan:
        gate = self._station.gate
        while (whose := gate.next_to_measure(scan)) is not None:
            read = Attempt(celsius=celsius, at_ms=self._clock.ms, device="gy-mcu9061x", ambient_celsius=-12.4)
            scan = gate.measured(scan, [read], whose)
        return gate.check_id(scan, matches=True) if scan.verdict.needs_id else scan

    def _admit(self, scan: Scan) -> None:
        if scan.recorded is None:
            self._station.gate.admit(scan, acknowledged=True)
