"""`gatepost init`: set a station up without a screen; with a terminal and no options, `gatepost` asks for all this."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from passes.errors import N_, UsageError
from passes.keyfiles import read_passphrase
from passes.plaintext import plain
from station.access import Role, check_pin
from station.assembly import Station
from station.cli.common import echo_json, json_option
from station.cli.helping import OneOf
from station.devices import PROTOCOLS
from station.i18n import LANGUAGES, _, explain
from station.joining import ask_by_code, make_alone
from station.newcomer import Newcomer, enter, take_news
from station.setting_up import find_alone, set_up
from station.settings import default_folder
from sync.enrolment import Enrolment, read_enrolment


@click.command()
@click.argument("enrolment", type=click.Path(path_type=Path), required=False)
@click.option("--join", "address", help="The community's address, instead of a file.")
@click.option("--stick", type=click.Path(path_type=Path), help="The stick with the office's invitation, or its file.")
@click.option("--code", help="The one-time code that the office gave.")
@click.option("--alone", "is_alone", is_flag=True, help="Belong to no community for now; it can be joined later.")
@click.option("--name", help="Alone: what people call this checkpoint.")
@click.option("--community-name", help="Alone: what people call this place (default: the checkpoint's name).")
@click.option("--zone", default="Asia/Shanghai", show_default=True, help="Alone: IANA zone that cuts the days.")
@click.option("--insecure", is_flag=True, help="Join by http:// over a network where nobody reads along.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The station's folder (default: GATEPOST_DIR).")
@click.option("--language", type=click.Choice([*LANGUAGES]), help="The guards' language (default: zh).")
@click.option("--thermometer", help="Serial port of the thermometer, such as /dev/ttyUSB0 or COM3.")
@click.option("--protocol", cls=OneOf, names=list(PROTOCOLS), help="The thermometer's protocol:")
@click.option("--scanner", "scanners", multiple=True, help="Serial port of a code scanner; one that types needs none.")
@click.option("--idcard", help="Serial port of the ID card reader.")
@click.option("--printer", help="Printer that is proposed first, as gatepost pass print names it.")
@click.option("--direction", type=click.Choice(["entry", "exit"]), help="Which way the lane goes (default: exit).")
@click.option("--staff", "staff", multiple=True, metavar="NAME[:ROLE,…]", help="Somebody who works here (role: guard).")
@click.option("--pins", "wants_pins", is_flag=True, help="Ask a PIN for each; no terminal: a line each of stdin.")
@click.option(
    "--key-passphrase-file",
    type=click.Path(path_type=Path),
    help="Keep the issuing key under the passphrase in this file.",
)
@json_option
def init(**given: Any) -> None:
    """Set up this machine as a station, from the file or the code that `gatepost community station add` made.

    A station that works alone joins by the same; its records stay and are sent.
    """
    asked = _Asked(**given)
    target = asked.folder or default_folder()
    find_alone(target)
    asked.require_one_way()
    people = _people(asked.staff, wants_pins=asked.wants_pins)
    passphrase = read_passphrase(asked.key_passphrase_file) if asked.key_passphrase_file else None

    def furnish(station: Station) -> None:
        enter(station, people)

    settings = set_up(
        target,
        asked.enrolment or asked.stick or target,
        asked.invited(target),
        asked.tables(),
        is_alone=asked.is_alone,
        key_passphrase=passphrase,
        furnish=furnish,
    )
    news = take_news(target, asked.stick) if asked.stick else None
    if asked.as_json:
        echo_json({"folder": str(target), "station": settings.station.id, "community": settings.community.id})
        return
    sentence = _("Station {name} is set up in {folder}. Open the gate with: gatepost --dir {folder}")
    click.echo(sentence.format(name=plain(settings.station.name), folder=plain(str(target), 1000)))
    if asked.is_alone:
        words = _("To join later, have the office run: gatepost community station add {id} --name NAME --code")
        click.echo(words.format(id=settings.station.id))
    if news:
        click.echo(_("From the stick: passes, bans and rules as of its writing ({count})").format(count=news.news))
        for error in news.refused:
            click.echo(explain(error), err=True)
    if asked.enrolment:
        told = _("Now delete {file}: it holds this station's secret")
        click.echo(told.format(file=plain(str(asked.enrolment), 1000)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The options, under the names that click gives them."""

    enrolment: Path | None
    address: str | None
    stick: Path | None
    code: str | None
    is_alone: bool
    name: str | None
    community_name: str | None
    zone: str
    insecure: bool
    folder: Path | None
    language: str | None
    thermometer: str | None
    protocol: str | None
    scanners: tuple[str, ...]
    idcard: str | None
    printer: str | None
    direction: str | None
    staff: tuple[str, ...]
    wants_pins: bool
    key_passphrase_file: Path | None
    as_json: bool

    def require_one_way(self) -> None:
        """Raise `UsageError` unless one way to join is named, and whole."""
        ways = [bool(self.enrolment), bool(self.address), bool(self.stick), self.is_alone]
        needs_code = bool(self.address or self.stick)
        if ways.count(True) != 1 or needs_code != bool(self.code) or bool(self.name) != self.is_alone:
            raise UsageError(
                N_(
                    "name the enrolment file, or give --join ADDRESS --code CODE, --stick PATH --code CODE, or --alone"
                    " --name NAME"
                )
            )

    def invited(self, folder: Path) -> Enrolment:
        """Return what the station joins with."""
        if self.enrolment:
            return read_enrolment(self.enrolment)
        if self.stick:
            from sync.invitation import open_invitation

            return open_invitation(self.stick, self.code or "")
        if self.address:
            return ask_by_code(folder, self.address, self.code or "", insecure=self.insecure)
        return make_alone(self.name or "", self.community_name or self.name or "", self.zone)

    def tables(self) -> dict[str, Any]:
        """Return what of the settings was chosen."""
        tables: dict[str, dict[str, Any]] = {
            "gate": {"direction": self.direction, "language": self.language},
            "thermometer": {"port": self.thermometer, "protocol": self.protocol},
            "idcard": {"port": self.idcard},
            "printer": {"address": self.printer},
        }
        if self.protocol:
            tables["thermometer"]["baud_rate"] = PROTOCOLS[self.protocol].baud_rate
        chosen = {name: {key: one for key, one in table.items() if one} for name, table in tables.items()}
        given: dict[str, Any] = {name: table for name, table in chosen.items() if table}
        return {**given, **({"scanners": [{"port": port} for port in self.scanners]} if self.scanners else {})}


def _people(told: Sequence[str], *, wants_pins: bool) -> list[Newcomer]:
    """Return who is to be entered, with their PINs if they are wanted; raises `UsageError`."""
    people = []
    for text in told:
        name, _colon, roles = text.replace("\N{FULLWIDTH COLON}", ":").partition(":")
        known = {role.value for role in Role}
        wrong = [role for role in roles.split(",") if role not in known] if roles else []
        if wrong or not name.strip():
            raise UsageError(
                N_('--staff "{text}": write a name, a colon and roles out of {known}'),
                text=text[:80],
                known=", ".join(Role),
            )
        pin = _ask_pin(name.strip()) if wants_pins else ""
        people.append(Newcomer(name.strip(), frozenset(map(Role, roles.split(","))) if roles else frozenset(), pin))
    return people


def _ask_pin(name: str) -> str:
    if sys.stdin.isatty():
        prompt = _("PIN of {name} (empty: none)").format(name=plain(name))
        typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, default="", show_default=False)
    else:
        typed = sys.stdin.readline().strip()
    return check_pin(typed) if typed else ""
