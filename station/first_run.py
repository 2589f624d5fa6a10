"""The first run: what a new laptop is asked, step by step, and the station that is made of the answers.

Answers are kept in the folder as they are given, PINs and codes excepted, so that the questions can be left and taken
up again. Before the last step nothing in the folder is a station; `forget` leaves nothing at all.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain
from station.access import Role, check_pin
from station.assembly import Station
from station.devices import PROTOCOLS
from station.i18n import Language
from station.joining import AddressError, ask_by_code, make_alone
from station.newcomer import Newcomer, enter, take_news
from station.setting_up import set_up
from station.settings import FILE_NAME, HEAD_KEY_FILE, Settings, SettingsError
from station.storage import FILE_NAME as JOURNAL_FILE
from sync.bundle import BundleError
from sync.client import TransferError
from sync.enrolment import Enrolment

ANSWERS_FILE: Final = "first-run.json"
PORT: Final = "port:"
"""Before the name of a port where what hangs on it is asked."""

Way = Literal["code", "stick", "alone"]


class Step(IntEnum):
    """What is asked, in this order."""

    LANGUAGE = 0
    COMMUNITY = 1
    DEVICES = 2
    PRINTER = 3
    PEOPLE = 4
    LAST = 5


class FieldError(GatepostError):
    """An answer that cannot be taken; `field` is the line where it was given."""

    def __init__(self, name: str, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.field = name


class Person(msgspec.Struct, frozen=True):
    """Somebody who is to work here; their PIN is in no file."""

    name: str
    role: Role


class Device(msgspec.Struct, frozen=True):
    """What hangs on a port, and how it speaks; an empty `protocol` is the usual one."""

    role: Literal["thermometer", "scanner", "idcard"]
    protocol: str = ""
    baud_rate: int = 0
    options: dict[str, Any] = {}


class Answers(msgspec.Struct):
    """What has been answered."""

    step: Step = Step.LANGUAGE
    language: Language = "zh"
    way: Way = "code"
    address: str = ""
    stick: str = ""
    name: str = ""
    community_name: str = ""
    zone: str = "Asia/Shanghai"
    enrolment: Enrolment | None = None
    devices: dict[str, Device] = {}
    printer: str = ""
    people: list[Person] = []


@dataclass
class FirstRun:
    """The questions for the station in `folder`; PINs and the code are held here only."""

    folder: Path
    answers: Answers
    code: str = field(default="", repr=False)
    pins: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def take_up(cls, folder: Path, language: Language) -> "FirstRun":
        """Go on with what was answered before; what cannot be read is asked anew."""
        try:
            answers = msgspec.json.decode((folder / ANSWERS_FILE).read_bytes(), type=Answers)
        except (OSError, msgspec.DecodeError, UnicodeError, RecursionError):
            answers = Answers(language=language)
        return cls(folder, answers)

    def keep(self) -> None:
        """Keep what has been answered; raises `SettingsError` for a folder that cannot be written."""
        path = self.folder / ANSWERS_FILE
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(self.answers))
            part.replace(path)
        except OSError as error:
            raise SettingsError(
                N_("{path}: cannot be written ({error}); check the folder's permissions"),
                path=error.filename or path,
                error=error.strerror or error,
            ) from error

    def forget(self) -> None:
        """Leave nothing of the questions behind; records of an earlier life of the folder stay."""
        with suppress(OSError):
            (self.folder / ANSWERS_FILE).unlink(missing_ok=True)
            if not (self.folder / JOURNAL_FILE).exists():
                (self.folder / HEAD_KEY_FILE).unlink(missing_ok=True)
            self.folder.rmdir()

    def change(self, name: str, value: str) -> None:
        """Take one answer of the language, the community or the printer; another community is asked anew."""
        if name == "code":
            self.code = value
        else:
            setattr(self.answers, name, value)
        if name in {"way", "address", "stick", "code"}:
            self.answers.enrolment = None

    def ask(self) -> None:
        """Get what the station joins with, as the answers say; may take some seconds, so it has a thread of its own.

        Raises `FieldError` naming the answer to correct.
        """
        answers = self.answers
        if answers.way == "alone":
            _require("name", answers.name)
            _check_zone(answers.zone)
            return
        if answers.enrolment is not None:
            return
        _require("address" if answers.way == "code" else "stick", getattr(answers, _PLACE[answers.way]))
        _require("code", self.code)
        try:
            answers.enrolment = self._invited()
        except (AddressError, TransferError) as error:
            raise FieldError("address", error.sentence, **error.values) from error
        except BundleError as error:
            raise FieldError("stick", error.sentence, **error.values) from error
        except GatepostError as error:
            raise FieldError("code", error.sentence, **error.values) from error

    def _invited(self) -> Enrolment:
        if self.answers.way == "code":
            return ask_by_code(self.folder, self.answers.address, self.code)
        from sync.invitation import open_invitation

        return open_invitation(Path(self.answers.stick).expanduser(), self.code)

    def add(self, name: str, role: Role, pin: str, again: str) -> None:
        """Enter somebody who works here, in the place of whoever has this name; raises `FieldError`."""
        called = plain(name.strip(), 40)
        _require("person", called)
        if not compare_digest(pin.encode(), again.encode()):
            raise FieldError("again", N_("PIN: the two are not the same; type it again"))
        try:
            digits = check_pin(pin) if pin else ""
        except UsageError as error:
            raise FieldError("pin", error.sentence, **error.values) from error
        self.remove(called)
        self.answers.people = [*self.answers.people, Person(called, role)]
        if digits:
            self.pins[called] = digits

    def remove(self, name: str) -> None:
        """Forget somebody again."""
        self.answers.people = [one for one in self.answers.people if one.name != name]
        self.pins.pop(name, None)

    def set_device(self, port: str, device: Device | None) -> None:
        """Say what hangs on a port, or nothing."""
        kept = {one: used for one, used in self.answers.devices.items() if one != port}
        self.answers.devices = {**kept, **({port: device} if device else {})}

    def check_devices(self) -> None:
        """Raise `FieldError` unless there is at most one thermometer and one ID card reader."""
        seen: set[str] = set()
        for port, device in self.answers.devices.items():
            if device.role in seen and device.role != "scanner":
                raise FieldError(f"{PORT}{port}", N_("a gate has one of these: choose another use, or none"))
            seen.add(device.role)

    def finish(self) -> Settings:
        """Make the station; raises `SettingsError`, `StorageError` and whatever else is wrong: then there is none.

        What lies on the stick for it is taken over; where that does not work the station is there all the same.
        """
        answers = self.answers
        is_alone = answers.way == "alone"
        made = answers.enrolment
        if made is None:
            made = make_alone(answers.name, answers.community_name or answers.name, answers.zone)
        source = Path(answers.stick) if answers.way == "stick" else self.folder
        people = [Newcomer(one.name, frozenset({one.role}), self.pins.get(one.name, "")) for one in answers.people]

        def furnish(station: Station) -> None:
            enter(station, people)

        settings = set_up(self.folder, source, made, self._tables(), is_alone=is_alone, furnish=furnish)
        (self.folder / ANSWERS_FILE).unlink(missing_ok=True)
        if answers.way == "stick":
            with suppress(GatepostError):
                take_news(self.folder, Path(answers.stick).expanduser())
        return settings

    def _tables(self) -> dict[str, Any]:
        tables: dict[str, Any] = {
            "gate": {"language": self.answers.language},
            "printer": {"address": self.answers.printer},
        }
        scanners = []
        for port, device in self.answers.devices.items():
            table: dict[str, Any] = {"port": port, **({"baud_rate": device.baud_rate} if device.baud_rate else {})}
            if device.role == "thermometer" and device.protocol:
                usual = {"protocol": device.protocol, "baud_rate": PROTOCOLS[device.protocol].baud_rate}
                table = {**usual, **table, "options": device.options}
            if device.role == "scanner":
                scanners.append(table)
            else:
                tables[device.role] = table
        return {**tables, "scanners": scanners}


_PLACE: Final[dict[Way, str]] = {"code": "address", "stick": "stick"}


def is_needed(folder: Path) -> bool:
    """Say whether there is no station in the folder yet."""
    return not (folder / FILE_NAME).exists()


def _require(name: str, value: str) -> None:
    if not value.strip():
        raise FieldError(name, N_("this is needed; write it here"))


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise FieldError(
            "zone", N_('"{zone}": no such time zone; write one like "Asia/Shanghai"'), zone=zone
        ) from error
