"""The community's application behind the connections, limits and logs that `gatepost community serve` gives it."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp

from sync.community.serving import PLAIN, Front, _config, _Server
from tests.community.conftest import DEADLINE_S


@contextmanager
def fronted(app: ASGIApp, front: Front = PLAIN) -> Iterator[str]:
    """Serve `app` on loopback in a thread as the program does; yield its address."""
    listening = threading.Event()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(_config(app, front), listening.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert listening.wait(DEADLINE_S)
            yield f"{'https' if front.tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)
            assert not thread.is_alive()
            root.handlers[:], root.level = handlers, level


def log_lines(errors: str) -> list[dict[str, Any]]:
    """Return the lines of the server's log; every one is a JSON object."""
    return [json.loads(line) for line in errors.splitlines()]
