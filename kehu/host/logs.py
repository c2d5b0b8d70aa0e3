"""Logs as JSON lines without personal data: event, place and exception class; never a message's arguments or text."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """One line a record. Text of loggers that are not ours is dropped: theirs may quote a value."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        ours = record.name.startswith("kehu")
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.msg if ours and isinstance(record.msg, str) else record.funcName,
        }
        if ours and isinstance(record.args, dict):
            line |= {str(name): value for name, value in record.args.items() if isinstance(value, (int, float, bool))}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["place"] = " < ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in reversed(frames))
        return json.dumps(line, ensure_ascii=False)


def configuration() -> dict[str, object]:
    """Logging for Django: everything to standard error, as JSON lines."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "kehu.host.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "kehu": {"level": "INFO"},
            "django.request": {"level": "ERROR"},
            "procrastinate": {"level": "ERROR"},
        },
    }
