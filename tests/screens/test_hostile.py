"""Text that wants to be more than text: it is shown, refused or recorded, and does nothing."""

import asyncio
import unicodedata
from pathlib import Path

import pytest

from passes import token
from passes.token import PassClaims
from station.widgets.scan_field import ScanField
from station.widgets.verdict_panel import VerdictPanel
from tests.screens.console import Console, gate
from tests.station.post import COMMUNITY, KEY

HOSTILE = {
    "closing tag": "[/]",
    "action": "[@click=app.quit]x[/]",
    "link": "[link=x]y[/link]",
    "clear screen": "\x1b[2Jgone",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b2J",
    "override": "\u202egnp.exe",
    "invisible": "a\u200bb\u2066c",
    "null": "a\x00b",
    "fields": "{holder} {0} %s",
    "formula": "=1+1",
    "sql": "'; DROP TABLE events; --",
    "lone surrogate": "\ud800x",
    "wide": "𠮷" * 80,
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def shown(console: Console) -> str:
    return "\n".join(
        [
            console.verdict,
            console.recent,
            console.status,
            console.reading,
            console.counts,
            console.health,
            *console.hints,
        ]
    )


def is_harmless(text: str) -> bool:
    return all(char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text)


async def check_alive(console: Console) -> None:
    """Nothing on screen is a control, a click quits nothing, and the next person passes."""
    assert is_harmless(shown(console))
    await console.pilot.click(VerdictPanel, offset=(6, 3))
    await console.admit(console.issue("赵小东").token)
    assert console.rows()[-1] == "赵小东 allowed"
    assert console.app.is_running
    assert console.is_ready


@hostile
def test_hostile_scan(tmp_path: Path, text: str) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.scan(text)
            (body,) = console.passages()
            assert (body.outcome, body.reasons, console.colour) == ("refused", ["not_a_pass"], "-refuse")
            await check_alive(console)

    asyncio.run(told())


@hostile
def test_hostile_text_in_a_field_is_harmless_before_enter(tmp_path: Path, text: str) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.paste(text)
            assert is_harmless(console.screen.query_one(ScanField).value)

    asyncio.run(told())


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if "\ud800" not in text])
def test_hostile_name_on_a_genuine_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The key is ours and the signature holds, only the name was not made by our desk."""

    async def told() -> None:
        async with gate(tmp_path) as console:
            today = console.station.gate.today()
            monkeypatch.setattr(token, "_check", lambda _claims: None)
            claims = PassClaims(b"\x05" * 16, COMMUNITY, "resident", today, today, text[:24], text[:24])
            await console.scan(token.issue_token(claims, KEY))
            await console.measure(36.5)
            await console.press("enter")
            assert [body.outcome for body in console.passages()] == ["allowed"]
            await check_alive(console)

    asyncio.run(told())


@hostile
def test_hostile_answers(tmp_path: Path, text: str) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.scan(console.issue().token)
            await console.press("f6")
            await console.fill_in(remark=text)
            await console.press("f9", "f10")
            await console.fill_in(incoming=text, outstanding=text)
            await console.press("escape")
            await console.scan(console.issue("李小红").token)
            await console.press("f7")
            await console.fill_in(celsius="36.5", reason=text)
            await console.press("enter")
            assert [body.outcome for body in console.passages()] == ["turned_back", "allowed"]
            console.clock.move(60)
            await check_alive(console)

    asyncio.run(told())


@pytest.mark.parametrize(
    ("text", "reason"),
    [("x" * 100_000, "not_a_pass"), ("GP1" + "A" * 100_000, "malformed"), ("岗" * 100_000, "not_a_pass")],
)
def test_a_hundred_thousand_characters(tmp_path: Path, text: str, reason: str) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.scan(text)
            (body,) = console.passages()
            assert (body.outcome, body.reasons, len(body.scan or "")) == ("refused", [reason], 64)
            await check_alive(console)

    asyncio.run(told())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (str.lower, "not_a_pass"),
        (lambda token: token[:-3], "malformed"),
        (lambda token: token * 2, "malformed"),
        (lambda token: "GP2" + token[3:], "unsupported_version"),
        (lambda token: token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:], "bad_signature"),
        (lambda token: token[:60] + " " + token[60:], "malformed"),
    ],
)
def test_damaged_passes(tmp_path: Path, spoil: object, reason: str) -> None:
    async def told() -> None:
        assert callable(spoil)
        async with gate(tmp_path) as console:
            await console.scan(spoil(console.issue().token))
            assert [(body.outcome, body.reasons) for body in console.passages()] == [("refused", [reason])]
            await check_alive(console)

    asyncio.run(told())
