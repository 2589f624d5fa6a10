"""The server's log: one JSON object a line on standard error, without what a request said.

What an exception says may hold what somebody sent, so of an exception only its type and where it happened are written.
Of a request: route, status, duration and station, and of refused ones the address they came from.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

LOGGER = "gatepost.community"
FIELDS = "gatepost_fields"
"""Name of a record's attribute whose mapping becomes fields of the line."""

_MESSAGE_LIMIT = 500


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: `at`, `level`, `logger`, `message`, its fields, and `error` with `where`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_MESSAGE_LIMIT],
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


def log_config(*, requests: bool) -> dict[str, Any]:
    """Return the `logging` configuration of a server process; with `requests` every request is a line.

    Without it only refused and failed ones are.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {LOGGER: {"level": "INFO" if requests else "WARNING"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
