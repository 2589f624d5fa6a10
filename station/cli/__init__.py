"""The `gatepost` command: one name for everything, loaded piece by piece as it is needed."""

import importlib
import io
import os
import sys
from pathlib import Path

import click

from passes.errors import GatepostError, UsageError
from station.cli.helping import WideContext, speak, worded
from station.i18n import N_, _, choose_language, explain, language

COMMANDS = {
    "community": "station.cli.community:community",
    "demo": "station.cli.demo:demo",
    "device": "station.cli.device:device",
    "doctor": "station.cli.doctor:doctor",
    "holder": "station.cli.holder:holder",
    "init": "station.cli.setup:init",
    "log": "station.cli.log:log",
    "pass": "station.cli.passes:pass_",
    "policy": "station.cli.policy:policy",
    "roster": "station.cli.roster:roster_",
    "staff": "station.cli.staff:staff",
    "shift": "station.cli.shift:shift",
    "sync": "station.cli.sync:sync",
    "watch": "station.cli.watch:watch",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that none pays for the others' imports."""

    context_class = WideContext

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands without importing them."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS is ours
        return worded(command)

    def get_help(self, ctx: click.Context) -> str:
        """Tell in the user's language what there is."""
        return click.Group.get_help(worded(self), ctx)


def _speak(_ctx: click.Context, _option: click.Parameter, lang: str | None) -> str | None:
    speak(choose_language(lang))
    return lang


def _tell_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if not is_asked or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"gatepost {version('gatepost')}")
    except PackageNotFoundError:
        raise UsageError(N_("--version: this copy is not installed, so it has none; install it with pip")) from None
    ctx.exit()


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--lang", is_eager=True, callback=_speak, help="Language: zh or en (default: zh).")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The station's folder.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version, help="Tell it.")
@click.pass_context
def gatepost(ctx: click.Context, lang: str | None, folder: Path | None) -> None:
    """Gatepost 岗亭: a community checkpoint in a terminal. Without a command it opens the gate."""
    if ctx.invoked_subcommand is None:
        from station.cli.gate import run_gate

        run_gate(folder, lang)


def main() -> None:
    """Run the command and end with its exit code: 0 fine, 1 refused or failed, 2 wrong use; never a traceback."""
    # Where the console has no Chinese, a character is written as its number, and nothing ends for it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Before the options are read; a GATEPOST_LANG that is none is told only where --lang does not overrule it.
    speak(language())
    try:
        sys.exit(gatepost.main(standalone_mode=False) or 0)
    except GatepostError as error:
        click.echo(explain(error), err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo(_("stopped"), err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        told = GatepostError(
            N_("{what}: cannot be read or written ({why}); check the disk and its permissions"),
            what=error.filename or _("the output"),
            why=error.strerror or error,
        )
        click.echo(explain(told), err=True)
        sys.exit(1)
