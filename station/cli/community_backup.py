"""`gatepost community backup`, `restore`, `renew` and `check`: what keeps a community from being lost."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from passes.plaintext import plain
from station.cli.community_common import as_json, community_in, in_folder, print_json, when
from station.clock import SystemClock
from station.i18n import _, explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.community.checking import Finding

SYMBOLS = {"good": "OK", "attention": "!!", "wrong": "XX"}
_PATH = 1000


@click.command()
@in_folder
@click.option("--keys", "with_keys", is_flag=True, help="With the private keys, which can make passes valid.")
@click.argument("target", type=click.Path(path_type=Path))
@as_json
def backup(*, folder: Path, target: Path, with_keys: bool, wants_json: bool) -> None:
    """Back the community up into the new folder TARGET, while stations are served.

    It holds the database as a SQLite file, whatever the database is, community.toml and the trust list. It names
    people: keep it where only the office can reach it. It is read back before it is called finished.
    """
    from sync.community.backups import IMAGE_FILE, SECRET_FILES, back_up

    with community_in(folder) as (settings, engine):
        made = back_up(folder, settings, engine, target, SystemClock().now_ms(), with_keys=with_keys)
    if wants_json:
        print_json(
            {
                "path": str(target),
                "community": made.community,
                "generation": made.generation,
                "feed_no": made.feed_no,
                "taken_at_ms": made.taken_at_ms,
                "with_keys": made.with_keys,
                "bytes": made.files[IMAGE_FILE].bytes,
                "records": made.rows["events"],
            }
        )
        return
    click.echo(
        _("Backup in {path}: {count} records, feed up to number {feed_no}, read back and compared.").format(
            path=plain(str(target), _PATH), count=made.rows["events"], feed_no=made.feed_no
        )
    )
    if with_keys:
        click.echo(_("The private keys are in it: whoever has it can make passes valid and read sealed numbers."))
    else:
        names = ", ".join(SECRET_FILES)
        click.echo(_("The private keys are not in it ({names}); keep a copy of them elsewhere.").format(names=names))


@click.command()
@in_folder
@click.option("--database", help="Address of the database in a new folder (default: the one in the backup).")
@click.option("--replace", is_flag=True, help="Replace the community's database; a SQLite file is kept beside it.")
@click.argument("source", metavar="BACKUP", type=click.Path(exists=True, file_okay=False, path_type=Path))
@as_json
def restore(*, folder: Path, source: Path, database: str | None, replace: bool, wants_json: bool) -> None:
    """Bring the BACKUP folder back, into an empty database or with --replace; stop the server first.

    A new generation begins, so that gates notice, and send again what the backup does not know.
    """
    from sync.community.restoring import restore as bring_back
    from sync.community.settings import load_settings

    done = bring_back(source, folder, SystemClock().now_ms(), database=database, replace=replace)
    if wants_json:
        aside = None if done.set_aside is None else str(done.set_aside)
        print_json({"generation": done.generation, "files": [*done.files], "set_aside": aside})
        return
    zone = load_settings(folder).zone
    taken = when(done.backup.taken_at_ms, zone)
    click.echo(_("The community is as it was at {taken}; its gates send what came later.").format(taken=taken))
    if done.set_aside is not None:
        click.echo(_("The old database is now {path}.").format(path=plain(str(done.set_aside), _PATH)))
    if done.files:
        click.echo(_("Out of the backup: {names}").format(names=", ".join(done.files)))
    click.echo(
        _(
            "Stations that were withdrawn since then are enrolled again, accounts and purges as they were: withdraw"
            " them anew, and run purge. Then: gatepost community check --dir DIR"
        )
    )


@click.command()
@in_folder
def renew(folder: Path) -> None:
    """Begin a new generation after the database was brought back by other means, such as pg_restore or a snapshot."""
    from sync.community.imaging import renew as begin_anew

    with community_in(folder) as (settings, engine):
        generation = begin_anew(engine, settings.community.id)
    click.echo(_("Generation {name} begins; the gates notice at their next contact.").format(name=generation))


@click.command()
@in_folder
@click.option(
    "--backup",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Check this backup, not the database.",
)
@as_json
@click.pass_context
def check(ctx: click.Context, folder: Path, source: Path | None, *, wants_json: bool) -> None:
    """Look the community over; exit 1 when something is wrong. Nothing is changed, and stations are served meanwhile.

    Every link of every journal, the feed, what is folded from them, keys and trust list, stations, clock and disk.
    """
    findings = list(_backup_findings(source) if source else _findings(folder))
    wrong = sum(found.grade == "wrong" for found in findings)
    if wants_json:
        print_json({"wrong": wrong, "findings": [{"grade": one.grade, "text": explain(one.told)} for one in findings]})
    else:
        for found in findings:
            click.echo(f"{SYMBOLS[found.grade]} {explain(found.told)}")
    if wrong:
        ctx.exit(1)


def _findings(folder: Path) -> "Iterator[Finding]":
    from sync.community.checking import check_image, check_surroundings
    from sync.community.database import open_engine
    from sync.community.imaging import make_image

    with community_in(folder) as (settings, engine), TemporaryDirectory(prefix="gatepost-check-") as scratch:
        community, path = settings.community.id, Path(scratch) / "image.sqlite"
        make_image(engine, community, path)
        image = open_engine(f"sqlite:///{path}")
        try:
            yield from check_image(image, community)
        finally:
            image.dispose()
        yield from check_surroundings(engine, community, folder, SystemClock().now_ms())


def _backup_findings(source: Path) -> "Iterator[Finding]":
    from sync.community.backups import IMAGE_FILE, copy_private, read_backup
    from sync.community.checking import check_image
    from sync.community.database import open_engine
    from sync.community.schema import migrate

    made = read_backup(source)
    with TemporaryDirectory(prefix="gatepost-check-") as scratch:
        path = Path(scratch) / IMAGE_FILE
        copy_private(source / IMAGE_FILE, path)
        image = open_engine(f"sqlite:///{path}")
        try:
            migrate(image)
            yield from check_image(image, made.community)
        finally:
            image.dispose()
