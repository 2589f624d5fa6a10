"""`gatepost community key`: the keys that sign passes, and the signed list of those that are trusted."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.trips import local_day
from station.cli.common import ask_passphrase, instant
from station.cli.community_common import (
    as_json,
    community_in,
    in_folder,
    print_json,
    root_passphrase,
    when,
    with_passphrase,
)
from station.clock import SystemClock
from station.i18n import _

if TYPE_CHECKING:
    from passes.trust import TrustedKey
    from sync.community.keys import MadeKey, Office
    from sync.community.settings import CommunitySettings


@click.group()
def key() -> None:
    """List, add, rotate and withdraw the keys that sign passes, and the key that numbers are sealed to."""


@key.command("list")
@in_folder
@as_json
def key_list(folder: Path, wants_json: bool) -> None:
    """List the keys of the trust list, withdrawn ones included."""
    from passes.trust import USE_ANSWERS, USE_BUNDLES, USE_SEALING
    from sync.community.keys import list_keys

    with community_in(folder) as (settings, engine):
        listed = list_keys(engine, folder, settings.community.id)
    if wants_json:
        print_json([{**_as_json(entry.key), "station": entry.station} for entry in listed])
        return
    uses = {
        USE_SEALING: _("numbers are sealed to it"),
        USE_BUNDLES: _("bundles are sealed to it"),
        USE_ANSWERS: _("signs bundles for stations"),
    }
    for entry in listed:
        words = [entry.key.key_id.hex(), entry.station or "-", *_state(entry.key, settings.zone)]
        if entry.key.use in uses:
            words.append(uses[entry.key.use])
        click.echo("\t".join(map(plain, words)))


@key.command("add")
@in_folder
@click.argument("station_id", metavar="STATION")
@with_passphrase
@as_json
def key_add(folder: Path, station_id: str, passphrase_file: Path | None, wants_json: bool) -> None:
    """Make a key for a station that is enrolled, and trust it."""
    from sync.community.keys import add_key

    with _office(folder, passphrase_file) as (office, _settings):
        made = add_key(office, station_id, SystemClock().now_ms())
    _tell_new_key(made, wants_json)


@key.command("rotate")
@in_folder
@click.argument("station_id", metavar="STATION")
@click.option(
    "--old-until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The last day on which the station may issue with its old keys (default: until they are withdrawn).",
)
@with_passphrase
@as_json
def key_rotate(
    folder: Path, station_id: str, old_until: datetime | None, passphrase_file: Path | None, wants_json: bool
) -> None:
    """Make a further key for a station; passes under its old keys stay valid."""
    from sync.community.keys import rotate_key

    now_ms = SystemClock().now_ms()
    with _office(folder, passphrase_file) as (office, settings):
        last_day = _from_today(old_until, local_day(now_ms, settings.zone))
        made = rotate_key(office, station_id, now_ms, old_until=last_day)
    _tell_new_key(made, wants_json)
    if not wants_json:
        click.echo(_("Passes under the old keys stay valid until: gatepost community key withdraw KEY_ID"))


@key.command("withdraw")
@in_folder
@click.argument("key_id", metavar="KEY_ID")
@click.option(
    "--honour-before",
    help="Passes issued before this time stay valid, as far as gates know of their issue (ISO 8601, local time).",
)
@with_passphrase
@as_json
def key_withdraw(
    folder: Path, key_id: str, honour_before: str | None, passphrase_file: Path | None, wants_json: bool
) -> None:
    """Trust a key no more; again with --honour-before, to change which passes are excepted."""
    from sync.community.keys import withdraw_key

    with _office(folder, passphrase_file) as (office, settings):
        before_ms = instant("--honour-before", honour_before, settings.zone) if honour_before is not None else None
        withdrawn = withdraw_key(office, key_id, before_ms, SystemClock().now_ms())
    if wants_json:
        print_json(_as_json(withdrawn))
        return
    click.echo("\t".join([withdrawn.key_id.hex(), *_state(withdrawn, settings.zone)]))
    click.echo(_("Gates refuse its passes as soon as they hear from the community."))


@key.command("show")
@in_folder
@as_json
def key_show(folder: Path, wants_json: bool) -> None:
    """Show the root's public key and the trust list, signed as gates get it."""
    from passes.keys import key_id_of
    from passes.trust import read_trust_list, trust_list_text
    from sync.community.office import load_root_public, load_trust_list

    with community_in(folder) as (settings, _engine):
        root, signed = load_root_public(folder), load_trust_list(folder)
    trust = read_trust_list(signed, root)
    if wants_json:
        print_json(
            {
                "community": trust.community,
                "root_key_id": key_id_of(root).hex(),
                "root_public_key": root.hex(),
                "issued_at_ms": trust.issued_at_ms,
                "keys": len(trust.entries),
                "trust_list": trust_list_text(signed),
            }
        )
        return
    withdrawn = sum(entry.withdrawn_at_ms is not None for entry in trust.entries)
    click.echo(
        _("Root key {key_id}, public half {public_key}").format(key_id=key_id_of(root).hex(), public_key=root.hex())
    )
    click.echo(
        _("Trust list of {time}: {count} keys, {withdrawn} of them withdrawn").format(
            time=when(trust.issued_at_ms, settings.zone), count=len(trust.entries), withdrawn=withdrawn
        )
    )
    click.echo(trust_list_text(signed))


@key.command("seal")
@in_folder
@click.option("--new", "anew", is_flag=True, help="Let stations seal to a further key from now on.")
@with_passphrase
@as_json
def key_seal(folder: Path, anew: bool, passphrase_file: Path | None, wants_json: bool) -> None:
    """Make the keys that numbers and bundles are sealed with, where they are missing."""
    from passes.trust import USE_SEALING
    from sync.community.keys import start_sealing
    from sync.community.office import DIGEST_KEY_FILE, key_path

    passphrase = root_passphrase(folder, passphrase_file)
    with _office(folder, passphrase_file, passphrase) as (office, _settings):
        made, has_new_secret = start_sealing(office, SystemClock().now_ms(), passphrase, anew=anew)
    secret = folder / DIGEST_KEY_FILE
    files = {entry.use: str(key_path(folder, entry.use, entry.key_id)) for entry in made}
    if wants_json:
        sealing = next((entry.key_id.hex() for entry in made if entry.use == USE_SEALING), None)
        print_json(
            {
                "key_id": sealing,
                "file": files.get(USE_SEALING),
                "files": files,
                "digest_key": str(secret),
                "digest_key_is_new": has_new_secret,
            }
        )
        return
    if not made and not has_new_secret:
        click.echo(_("The community has its sealing keys and its digest key already."))
    for use, path in files.items():
        label = _("Sealing key: {path}") if use == USE_SEALING else _("Key for bundles: {path}")
        click.echo(label.format(path=plain(path, 1000)))
    if made:
        click.echo(_("Stations seal to new keys as soon as they hear from the community."))
        click.echo(_("Keep a copy: without them nobody can ever read a sealed number or a bundle again."))
    if has_new_secret:
        path = plain(str(secret), 1000)
        click.echo(_("Digest key: {path}").format(path=path))
        click.echo(_("Carry a copy into the folder of every station that joined before, then delete all others."))


@key.command("protect")
@in_folder
@with_passphrase
@click.option("--new-passphrase-file", type=click.Path(path_type=Path), help="File with the new passphrase.")
@click.option("--remove", is_flag=True, help="Keep the root key without a passphrase.")
def key_protect(folder: Path, passphrase_file: Path | None, new_passphrase_file: Path | None, remove: bool) -> None:
    """Encrypt root and sealing keys under a passphrase, or another one; it is asked for unless a file holds it."""
    from passes.keyfiles import read_passphrase
    from sync.community.office import ROOT_KEY_FILE, protect_root

    if remove and new_passphrase_file:
        raise UsageError(N_("--remove and --new-passphrase-file: one contradicts the other; give one of them"))
    old, new = root_passphrase(folder, passphrase_file), None
    if new_passphrase_file:
        new = read_passphrase(new_passphrase_file)
    elif not remove:
        new = ask_passphrase(_("New passphrase of the root key"), confirm=True)
    protect_root(folder, old, new)
    path = plain(str(folder / ROOT_KEY_FILE), 1000)
    if new is None:
        click.echo(_("{path} has no passphrase now.").format(path=path))
    else:
        click.echo(_("{path} opens with the new passphrase only: nobody can recover it.").format(path=path))


@contextmanager
def _office(
    folder: Path, passphrase_file: Path | None, passphrase: str | None = None
) -> "Iterator[tuple[Office, CommunitySettings]]":
    from sync.community.keys import Office
    from sync.community.office import load_root

    with community_in(folder) as (settings, engine):
        root = load_root(folder, passphrase or root_passphrase(folder, passphrase_file))
        yield Office(engine, folder, settings.community.id, root), settings


def _tell_new_key(made: "MadeKey", wants_json: bool) -> None:
    if wants_json:
        print_json({**_as_json(made.key), "station": made.station, "file": str(made.path)})
        return
    from station.settings import ISSUING_KEY_FILE

    click.echo(
        _("Key {key_id} for station {station}: {path}").format(
            key_id=made.key.key_id.hex(), station=made.station, path=plain(str(made.path), 1000)
        )
    )
    click.echo(
        _(
            "Carry it to the station and put it in the place of {file} in its folder, then delete every other copy: "
            "whoever has it can make passes."
        ).format(file=ISSUING_KEY_FILE)
    )


def _from_today(day: datetime | None, today: date) -> date | None:
    if day is not None and day.date() < today:
        raise UsageError(
            N_("--old-until {day}: is past; give today or a later day, or withdraw the old key with --honour-before"),
            day=day.date(),
        )
    return day.date() if day else None


def _state(entry: "TrustedKey", zone: ZoneInfo) -> list[str]:
    """Say how the key stands, in one or two columns."""
    if entry.withdrawn_at_ms is None:
        state = [_("trusted")]
        if entry.valid_from:
            state.append(_("issues from {day}").format(day=entry.valid_from))
        if entry.valid_until:
            state.append(_("issues until {day}").format(day=entry.valid_until))
        return state
    state = [_("withdrawn {time}").format(time=when(entry.withdrawn_at_ms, zone))]
    if entry.honoured_before_ms is not None:
        state.append(_("but for passes issued before {time}").format(time=when(entry.honoured_before_ms, zone)))
    return state


def _as_json(entry: "TrustedKey") -> dict[str, str | int | None]:
    return {
        "key_id": entry.key_id.hex(),
        "public_key": entry.public_key.hex(),
        "community": entry.community,
        "use": entry.use,
        "valid_from": entry.valid_from.isoformat() if entry.valid_from else None,
        "valid_until": entry.valid_until.isoformat() if entry.valid_until else None,
        "withdrawn_at_ms": entry.withdrawn_at_ms,
        "honoured_before_ms": entry.honoured_before_ms,
    }
