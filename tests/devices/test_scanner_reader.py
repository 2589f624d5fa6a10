"""The serial scanner: from the line to the code, through unplugging, and nothing left behind."""

import os
import socket
import sys
import threading
import time
from pathlib import Path
from queue import Queue

import pytest

from station.devices.measurement import Link, LinkState
from station.devices.scanner.reader import SerialScanner
from tests.devices.listening import DEADLINE_S, hand_line, wait_until

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

Events = Queue[str | LinkState]


def next_code(events: Events) -> str:
    while True:
        if isinstance(event := events.get(timeout=DEADLINE_S), str):
            return event


def wait_for_link(events: Events, state: Link) -> LinkState:
    while True:
        event = events.get(timeout=DEADLINE_S)
        if isinstance(event, LinkState) and event.state is state:
            return event


def left_behind() -> tuple[int, int]:
    threads = sum(thread.name == "scanner" for thread in threading.enumerate())
    return threads, len(list(Path("/dev/fd").iterdir()))


@posix
def test_from_the_line_to_the_code() -> None:
    events = Events()
    with hand_line() as (master, name):
        scanner = SerialScanner(name, events.put)
        scanner.start()
        assert str(wait_for_link(events, Link.CONNECTED).trouble) == f"{name}: the scanner is connected"
        os.write(master, b"]Q1ABC")
        os.write(master, b"DEF\r\nGHI\r")
        assert [next_code(events), next_code(events)] == ["ABCDEF", "GHI"]
        os.write(master, b"no end")
        assert next_code(events) == "no end"
        scanner.stop()


@posix
def test_what_was_scanned_before_is_not_told() -> None:
    events = Events()
    with hand_line() as (master, name):
        os.write(master, b"EARLIER\r")
        scanner = SerialScanner(name, events.put)
        scanner.start()
        wait_for_link(events, Link.CONNECTED)
        os.write(master, b"NOW\r")
        assert next_code(events) == "NOW"
        scanner.stop()


@posix
def test_pulled_and_put_back_thirty_times_under_the_same_link(tmp_path: Path) -> None:
    before, events, link = left_behind(), Events(), tmp_path / "scanner"
    scanner = SerialScanner(str(link), events.put)
    scanner.start()
    missing = wait_for_link(events, Link.ABSENT)
    assert "check the cable, and scanners.port in settings.toml" in str(missing.trouble)
    open_once = 0
    for number in range(30):
        with hand_line() as (master, name):
            link.symlink_to(name)
            wait_for_link(events, Link.CONNECTED)
            os.write(master, f"CODE{number}\r".encode())
            assert next_code(events) == f"CODE{number}"
            open_once = open_once or left_behind()[1]
            link.unlink()
        wait_for_link(events, Link.ABSENT)
    assert left_behind()[1] <= open_once
    scanner.stop()
    wait_until(lambda: left_behind() == before, "a thread or file descriptor is left behind")


@posix
def test_a_port_that_another_program_holds_is_picked_up_later() -> None:
    events, others = Events(), Events()
    with hand_line() as (_, name):
        holder = SerialScanner(name, others.put)
        holder.start()
        wait_for_link(others, Link.CONNECTED)
        scanner = SerialScanner(name, events.put)
        scanner.start()
        assert "another program" in str(wait_for_link(events, Link.BUSY).trouble)
        holder.stop()
        wait_for_link(events, Link.CONNECTED)
        scanner.stop()


def test_what_is_no_port_is_told_with_the_setting(tmp_path: Path) -> None:
    events = Events()
    scanner = SerialScanner("carrier-pigeon://roof", events.put)
    scanner.start()
    assert "as scanners.port in settings.toml" in str(wait_for_link(events, Link.UNUSABLE).trouble)
    scanner.stop()


def test_a_socket_is_a_port_too() -> None:
    events = Events()
    with socket.create_server(("127.0.0.1", 0)) as server:
        scanner = SerialScanner(f"socket://127.0.0.1:{server.getsockname()[1]}", events.put)
        scanner.start()
        connection, _ = server.accept()
        with connection:
            wait_for_link(events, Link.CONNECTED)
            connection.sendall(b"ABC\t")
            assert next_code(events) == "ABC"
        wait_for_link(events, Link.ABSENT)
        scanner.stop()


@posix
def test_after_stop_nothing_is_told() -> None:
    events = Events()
    with hand_line() as (master, name):
        scanner = SerialScanner(name, events.put)
        scanner.stop()  # nothing to stop yet
        scanner = SerialScanner(name, events.put)
        scanner.start()
        wait_for_link(events, Link.CONNECTED)
        scanner.stop()
        scanner.stop()
        os.write(master, b"ABC\r")
        wait_until(lambda: left_behind()[0] == 0, "the reader goes on")
        assert events.empty()


@posix
def test_a_clock_that_stands_still_holds_no_code_with_an_end_back() -> None:
    events = Events()
    stopped_s = time.monotonic()
    with hand_line() as (master, name):
        scanner = SerialScanner(name, events.put, monotonic_s=lambda: stopped_s)
        scanner.start()
        wait_for_link(events, Link.CONNECTED)
        os.write(master, b"ABC\r")
        assert next_code(events) == "ABC"
        scanner.stop()
