"""The lines of each step of the first run, in the user's language."""

from collections.abc import Sequence

from station.access import ROLE_NAMES, Role
from station.devices.ports import PortInfo
from station.devices.printers.found import FoundPrinter
from station.first_run import PORT, FirstRun, Step
from station.i18n import N_, _
from station.widgets.device_rows import Row
from station.wizard import ROLES

TITLES = {
    Step.LANGUAGE: N_("Language"),
    Step.COMMUNITY: N_("Community"),
    Step.DEVICES: N_("Devices"),
    Step.PRINTER: N_("Printer"),
    Step.PEOPLE: N_("Guards and PINs"),
    Step.LAST: N_("Set up"),
}
TOLD = {
    Step.LANGUAGE: N_("This laptop is no checkpoint yet. Answer line by line; F10 goes on, Esc goes back."),
    Step.COMMUNITY: N_("The office gives address and code, or a stick and its code. Alone works too, for now."),
    Step.DEVICES: N_("A marked port is listened to; F5 takes what it seems to be. A scanner that types needs nothing."),
    Step.PRINTER: N_("For passes and hand-over slips. None is fine; passes can be printed elsewhere."),
    Step.PEOPLE: N_("F5 enters one. A PIN may be left out: then the name is enough. One lead with a PIN is good."),
    Step.LAST: N_("Nothing is set up yet. Enter sets it up as it stands here; Esc goes back."),
}
WHO = "who:"
NEW = ("person", "role", "pin", "again")
_WAYS = (
    ("code", N_("by address and one-time code")),
    ("stick", N_("from a USB stick")),
    ("alone", N_("alone for now")),
)


def rows_of(
    run: FirstRun, new: dict[str, str], ports: Sequence[PortInfo], printers: Sequence[FoundPrinter]
) -> list[Row]:
    """Return the lines of the step that is asked; `new` is whoever is being entered."""
    step = run.answers.step
    if step is Step.LANGUAGE:
        return [Row("language", "语言 Language", run.answers.language, (("zh", "中文"), ("en", "English")))]
    if step is Step.COMMUNITY:
        return _community(run)
    if step is Step.DEVICES:
        return _devices(run, ports)
    if step is Step.PRINTER:
        found = tuple((one.address, f"{one.address}  {one.description}") for one in printers)
        return [Row("printer", _("Printer"), run.answers.printer, (("", _("none")), *found), is_free=True)]
    return _people(run, new) if step is Step.PEOPLE else _summary(run)


def _community(run: FirstRun) -> list[Row]:
    answers = run.answers
    rows = [Row("way", _("Join"), answers.way, tuple((way, _(words)) for way, words in _WAYS))]
    if answers.way == "alone":
        return [
            *rows,
            Row("name", _("Checkpoint"), answers.name, is_free=True),
            Row("community_name", _("Community"), answers.community_name, is_free=True),
            Row("zone", _("Time zone"), answers.zone, is_free=True),
        ]
    if answers.way == "code":
        rows.append(Row("address", _("Address"), answers.address, is_free=True))
    else:
        rows.append(Row("stick", _("Stick's folder"), answers.stick, is_free=True))
    known = _("accepted") if answers.enrolment else ""
    return [*rows, Row("code", _("Code"), run.code or known, is_free=True)]


def _devices(run: FirstRun, ports: Sequence[PortInfo]) -> list[Row]:
    names = {port.address: port.device for port in ports}
    names |= {port: port for port in run.answers.devices if port not in names}
    uses = (("", _("not used")), *((role.value, _(words)) for role, words in ROLES.items()))
    used = run.answers.devices
    rows = [
        Row(f"{PORT}{port}", name.rpartition("/")[2][-15:], used[port].role if port in used else "", uses)
        for port, name in names.items()
    ]
    return [*rows, Row("port", _("Other port"), "", is_free=True)]


def _people(run: FirstRun, new: dict[str, str]) -> list[Row]:
    roles = tuple((role.value, _(words)) for role, words in ROLE_NAMES.items())
    there = [
        Row(f"{WHO}{one.name}", one.name, f"{_(ROLE_NAMES[one.role])}  {_pin_words(run, one.name)}")
        for one in run.answers.people
    ]
    return [
        *there,
        Row("person", _("Name"), new["person"], is_free=True),
        Row("role", _("Role"), new["role"] or Role.GUARD, roles),
        _secret("pin", _("PIN"), new["pin"]),
        _secret("again", _("PIN once more"), new["again"]),
    ]


def _secret(name: str, label: str, value: str) -> Row:
    return Row(name, label, value, ((value, "*" * len(value)),) if value else (), is_free=True)


def _pin_words(run: FirstRun, name: str) -> str:
    return _("with PIN") if name in run.pins else _("without PIN")


def _summary(run: FirstRun) -> list[Row]:
    answers = run.answers
    made = answers.enrolment
    place = _("alone for now") if made is None else f"{made.community_name}  {made.url or '-'}"
    devices = ", ".join(_(ROLES[role]) for role in ROLES if any(one.role == role for one in answers.devices.values()))
    people = ", ".join(f"{one.name} ({_(ROLE_NAMES[one.role])}, {_pin_words(run, one.name)})" for one in answers.people)
    return [
        Row("", _("Checkpoint"), made.station_name if made else answers.name),
        Row("", _("Community"), place),
        Row("", _("Devices"), devices or _("none")),
        Row("", _("Printer"), answers.printer or _("none")),
        Row("", _("Staff"), people or _("nobody")),
    ]
