"""One morning shift, played by itself: the same lane, thermometer, courier and journal as under the gate screen."""

import json
import queue
import subprocess
import sys
import time
from collections.abc import Callable

from passes.errors import N_
from passes.keys import IssuingKey
from passes.masking import mask_name
from passes.policy import Outcome
from passes.token import PassClaims, issue_token
from station import shifts, wording
from station.deciding import Scan
from station.demo.people import MORNING, Step
from station.demo.world import DemoError, World
from station.devices import PROTOCOLS
from station.devices.measurement import DeviceEvent, LinkState, Measurement
from station.devices.thermometer import Thermometer
from station.duty.book import DutyBook
from station.duty.handover import HandOver, hand_over
from station.i18n import _
from station.lane import make_lane
from station.parcels import open_parcels
from sync.bodies import PassageRecorded
from sync.courier import Courier
from sync.events import read_body

PATIENCE_S = 20.0
"""No device, server or courier on this machine should take longer for anything."""

Say = Callable[[str], None]


class Play:
    """Plays `MORNING` in a world, telling every passage through `say` as it happens."""

    def __init__(self, world: World, say: Say) -> None:
        self._world = world
        self._say = say
        self._station = world.station
        self._lane = make_lane(world.station)
        self._said: queue.SimpleQueue[DeviceEvent] = queue.SimpleQueue()
        settings = self._station.settings
        protocol = PROTOCOLS[settings.thermometer.protocol]
        self._thermometer = Thermometer(
            settings.thermometer.port, protocol.make_parser, self._said.put, baud_rate=settings.thermometer.baud_rate
        )
        self._courier = Courier(
            url=settings.community.url,
            secret=self._station.secret(),
            community=settings.community.id,
            station=settings.station.id,
            open_parcels=lambda: open_parcels(self._station.folder, settings.station.id, settings.zone),
            on_state=lambda _state: None,
            now_ms=self._station.clock.now_ms,
            longest_wait_s=2.0,
        )
        self._wrong: list[str] = []

    def run(self) -> None:
        """Play the shift, hand it over, and compare both sides; raises `DemoError` unless they agree."""
        station = self._station
        self._thermometer.start()
        self._courier.start()
        try:
            shift = shifts.open_shift(station.journal, station.register, station.clock, ["周师傅"], "吴组长")
            for step in MORNING:
                self._play(step)
            agreed = HandOver(incoming=["郑师傅"], outstanding=_("one thermometer cable is loose"))
            counts = hand_over(DutyBook.of(station), agreed)
            self._say(
                _("Shift handed over: out {exits}, in {entries}, refused {refused}, fevers {fevers}").format(**counts)
            )
            self._drain()
        finally:
            self._thermometer.stop()
            self._courier.stop()
        self._compare(shift.id)
        if self._wrong:
            raise DemoError(N_("the gate did not do what it must: {steps}"), steps="; ".join(self._wrong))

    def _play(self, step: Step) -> None:
        lane, world = self._lane, self._world
        self._prepare(step)
        lane.direction = step.way
        lane.scan(self._code(step))
        if lane.is_pending and step.special == "unplug":
            lane.type_reading(step.celsius, _("thermometer unplugged"))
        elif lane.is_pending:
            self._measure(step.celsius)
            if step.again_celsius is not None:
                self._tell(lane.current)
                lane.sight.measure_again()
                self._measure(step.again_celsius)
        if lane.is_pending and lane.current:
            lane.record(acknowledged=lane.current.verdict.outcome is Outcome.ATTENTION)
        world.thermometer.leave()
        self._courier.nudge()
        self._tell(lane.current)
        self._check(step, lane.current)

    def _prepare(self, step: Step) -> None:
        if step.special == "unplug":
            self._say("--  " + _("the thermometer is unplugged"))
            self._world.thermometer.unplug()
            self._wait_for(lambda event: isinstance(event, LinkState) and not event.is_connected)
        elif step.special == "replug":
            self._say("--  " + _("the thermometer is plugged in again"))
            self._world.thermometer.replug()
            self._wait_for(lambda event: isinstance(event, LinkState) and event.is_connected)
        elif step.special == "outage":
            self._say("--  " + _("the community cannot be reached; the gate goes on"))
            self._world.server.stop()
        elif step.special == "restored":
            unsent = self._station.outbox.backlog().pending
            self._say("--  " + _("the community is back; {count} records were kept here").format(count=unsent))
            self._world.server.start()
            self._drain()

    def _code(self, step: Step) -> str:
        row = self._world.passes[step.who]
        if step.special == "typed_number":
            return row.number
        if step.special == "altered":
            at = len(row.token) - 20
            return row.token[:at] + ("A" if row.token[at] != "A" else "B") + row.token[at + 1 :]
        if step.special == "forged":
            today = self._station.gate.today()
            claims = PassClaims(bytes(16), self._station.settings.community.id, row.kind, today, today, row.holder, "1")
            return issue_token(claims, IssuingKey.generate())
        return row.token

    def _measure(self, celsius: float) -> None:
        """Put a forehead before the thermometer until it gave a reading; before that the last one must have left."""
        if self._thermometer_sees_somebody():
            self._world.thermometer.leave()
            self._wait_for(self._is_background)
        self._world.thermometer.present(celsius)
        self._wait_for(lambda event: isinstance(event, Measurement) and self._lane.measured(event))
        self._world.thermometer.leave()
        self._wait_for(self._is_background)

    def _thermometer_sees_somebody(self) -> bool:
        return self._lane.sight.stability.reading is not None

    def _is_background(self, event: DeviceEvent) -> bool:
        if not isinstance(event, Measurement):
            return False
        self._lane.measured(event)
        return event.celsius < self._lane.sight.stability.lowest_celsius

    def _wait_for(self, is_it: Callable[[DeviceEvent], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                event = self._said.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise DemoError(N_("the simulated thermometer did not do its part in time")) from None
            if is_it(event):
                return

    def _drain(self) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while self._station.outbox.backlog().pending:
            if time.monotonic() > deadline_s:
                raise DemoError(N_("the records did not reach the community in time"))
            self._courier.nudge()
            time.sleep(0.05)

    def _tell(self, scan: Scan | None) -> None:
        if scan is None or scan.recorded is None or scan.outcome is None:
            return
        name = mask_name(scan.person.holder) if scan.person else _("(no pass)")
        reading = wording.celsius_text(scan.celsius)
        cells = [
            wording.clock_time(scan.recorded.at_ms, self._station.settings.zone),
            _(wording.DIRECTIONS[scan.direction]),
            name,
            reading,
            _(wording.OUTCOMES[scan.outcome]),
            wording.in_short([reason.value for reason in scan.verdict.reasons]),
        ]
        self._say(f"{wording.SYMBOLS[scan.verdict.outcome]}  " + "  ".join(cells).rstrip())

    def _check(self, step: Step, scan: Scan | None) -> None:
        first = scan.verdict.reasons[0].value if scan and scan.verdict.reasons else ""
        if scan is None or (scan.outcome, first) != (step.outcome, step.reason):
            got = f"{scan.outcome} {first}" if scan else "-"
            self._wrong.append(f"{step} -> {got}")

    def _compare(self, shift_id: str) -> None:
        """Pull the shift's log as staff would, and hold it against this station's own journal."""
        here = []
        for _n, event in self._station.journal.read():
            body = read_body(event.kind, event.body)
            if event.shift == shift_id and isinstance(body, PassageRecorded):
                here.append((event.id, event.seq, body.direction, body.outcome, list(body.reasons)))
        command = [sys.executable, "-P", "-m", "station", "community", "pull"]
        command += ["--dir", str(self._world.community_folder), "--shift", shift_id, "--json"]
        pulled = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
        if pulled.returncode:
            raise DemoError(N_("the shift log could not be pulled: {error}"), error=pulled.stderr)
        keys = ("event", "seq", "direction", "outcome", "reasons")
        there = [tuple(row[key] for key in keys) for row in json.loads(pulled.stdout)]
        links = self._station.journal.verify()
        self._say(
            _("Station: {count} passages, {links} records, every link holds").format(count=len(here), links=links)
        )
        self._say(_("Community: {count} passages pulled for this shift").format(count=len(there)))
        if here != there:
            raise DemoError(N_("station and community do not agree on the shift's passages"))
        self._say(_("Station and community agree."))


def play(world: World, say: Say) -> None:
    """Play one morning shift in `world`; raises `DemoError` when anything is not as it must be."""
    Play(world, say).run()
