"""`gatepost policy`: try rules before they are set."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from passes.errors import GatepostError
from passes.plaintext import plain
from station.cli.common import echo_json, json_option
from station.i18n import N_, _, explain
from station.wording import in_short

if TYPE_CHECKING:
    from station.policy_try.player import Difference, PlayedStep
    from station.policy_try.verbs import Step


@click.group()
def policy() -> None:
    """Try rules before they are set."""


class _Tried(msgspec.Struct):
    """What became of one file: `wrong` says why it could not be read or played, or why it was rightly refused."""

    path: Path
    title: str
    zone: Any = None
    steps: "list[PlayedStep]" = []
    wrong: GatepostError | None = None
    is_refused_rightly: bool = False

    @property
    def exit_code(self) -> int:
        if self.wrong:
            return 0 if self.is_refused_rightly else self.wrong.exit_code
        return 1 if any(step.differences for step in self.steps) else 0


@policy.command("try")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def try_(files: tuple[Path, ...], as_json: bool) -> None:
    """Play scenario FILES of scans against the rules; no station is touched.

    Exit 1 when a step did not bring what it should, 2 when a file cannot be read.
    """
    tried = []
    for path in files:
        tried.append(_try(path))
        if not as_json:
            for line in _told(tried[-1]):
                click.echo(line)
    codes = [one.exit_code for one in tried]
    if as_json:
        echo_json({"files": [_for_machines(one) for one in tried], **_counts(codes)})
    else:
        summary = _("files: {files}   as expected: {passed}   not: {failed}   wrong: {wrong}")
        click.echo(summary.format(files=len(codes), **_counts(codes)))
    if any(codes):
        raise click.exceptions.Exit(max(codes))


def _try(path: Path) -> _Tried:
    from station.policy_try.errors import ScenarioError
    from station.policy_try.player import play
    from station.policy_try.reading import read_scenario

    tried = _Tried(path, path.name)
    try:
        scenario = read_scenario(path)
        tried.title, tried.zone = scenario.title, scenario.zone
        tried.steps = play(scenario)
        if scenario.expect_error is not None:
            sentence = N_("{path}: must be refused because of {key}, and was not; correct expect_error, or the file")
            tried.wrong = GatepostError(sentence, path=path, key=scenario.expect_error)
    except ScenarioError as error:
        tried.wrong, tried.is_refused_rightly = error, error.expected
    except GatepostError as error:
        tried.wrong = error
    return tried


def _counts(codes: list[int]) -> dict[str, int]:
    return {"passed": codes.count(0), "failed": codes.count(1), "wrong": codes.count(2)}


def _told(tried: _Tried) -> Iterator[str]:
    """Tell of one file: a line, and below it what did not come true, expected and found side by side."""
    title, path = plain(tried.title, 80), plain(str(tried.path), 1000)
    if tried.wrong is not None and tried.is_refused_rightly:
        yield _("OK  {title}  ({path}: refused as it must be)").format(title=title, path=path)
    elif tried.wrong is not None:
        yield _("XX  {title}").format(title=title) + f"\n    {explain(tried.wrong)}"
    elif tried.exit_code:
        yield _("XX  {title}  ({path})").format(title=title, path=path)
        for number, played in enumerate(tried.steps):
            if played.differences:
                yield _("    steps[{number}]  {step}").format(number=number, step=_described(played.step, tried.zone))
                for difference in played.differences:
                    yield f"        {_compared(difference)}"
    else:
        yield _("OK  {title}  ({path}, steps: {steps})").format(title=title, path=path, steps=len(tried.steps))


def _described(step: "Step", zone: Any) -> str:
    """Return a step in the words of its file."""
    words = [f"{step.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", step.do]
    words += [str(getattr(step, name, None) or "") for name in ("gate", "pass_", "direction")]
    return plain("  ".join(word for word in words if word), 120)


def _compared(difference: "Difference") -> str:
    key = difference.key
    return _("{what} ({key}): expected {expected} | found {found}").format(
        what=_(_KEYS[key.removesuffix("_include")]),
        key=key,
        expected=_shown(difference.expected),
        found=_shown(difference.found),
    )


def _shown(value: Any) -> str:
    """Return a value as the file writes it, and a code in words as well."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or _("(none)")
    if isinstance(value, dict):
        return ", ".join(f"{day}: {count}" for day, count in value.items()) or _("(none)")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None:
        return _("(nothing)")
    text = plain(str(value), 40)
    words = _(_OUTCOMES[text]) if text in _OUTCOMES else in_short([text])
    return text if words == text else f"{words} {text}"


_KEYS = {
    "outcome": N_("outcome"),
    "verdict": N_("first answer"),
    "reasons": N_("reasons"),
    "first": N_("shown big"),
    "used": N_("trips used"),
    "used_on": N_("trips used by day"),
    "trips": N_("limit of trips"),
    "open": N_("trip open"),
    "inside": N_("inside"),
    "conflicts": N_("open conflicts"),
    "alerts": N_("alerts"),
    "recorded": N_("passages recorded"),
    "reading": N_("temperature"),
}

_OUTCOMES = {
    "allow": N_("ALLOW"),
    "attention": N_("ATTENTION"),
    "refuse": N_("REFUSE"),
    "again": N_("the same again"),
    "ignored": N_("nothing happened"),
    "accepted": N_("done"),
    "rejected": N_("not possible"),
    "unlimited": N_("no limit"),
}


def _for_machines(tried: _Tried) -> dict[str, object]:
    return {
        "file": str(tried.path),
        "title": tried.title,
        "passed": tried.exit_code == 0,
        "error": explain(tried.wrong) if tried.wrong else None,
        "steps": [_step_for_machines(number, played) for number, played in enumerate(tried.steps)],
    }


def _step_for_machines(number: int, played: "PlayedStep") -> dict[str, object]:
    step = played.step
    return {
        "step": number,
        "at": step.at,
        "do": step.do,
        "gate": getattr(step, "gate", None),
        "pass": getattr(step, "pass_", None),
        **msgspec.to_builtins(played.found),
        "passed": not played.differences,
        "differences": [msgspec.to_builtins(difference) for difference in played.differences],
    }
