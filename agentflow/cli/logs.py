"""Logs, through the standard library's `logging`: as text or JSON, and without secrets."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agentflow.errors import UsageError
from agentflow.report.inert import inert

_NAMES_OF_SECRETS = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)


class Redaction:
    """Takes the values of secrets out of texts: those of the environment whose names say so, and those given."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in environ.items() if _NAMES_OF_SECRETS.search(name)}
        self._redacted: Callable[[str], str] | None = None

    def hide(self, values: Mapping[str, str]) -> None:
        """Takes up more values, by name."""
        self._values |= values
        self._redacted = None

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._redacted is None:
            from agentflow.guard.redaction import redactor_of

            self._redacted = redactor_of(self._values).redacted
        return self._redacted(text)


REDACTION = Redaction(os.environ)
"""What nothing that this process logs may hold. As `logging` itself, there is one for the process."""


class _Text(logging.Formatter):
    """A line a record, inert, as `12:03:17.482 info agentflow.run step_started step=find`."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{at}.{int(record.msecs):03} {record.levelname.lower()} {record.name} {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return REDACTION(inert(text))


class _Json(logging.Formatter):
    """One object a line: `at` (seconds since the epoch), `level`, `logger`, `message`, and what a record tells more."""

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "told", None)
        body = {"at": round(record.created, 6), "level": record.levelname.lower(), "logger": record.name}
        body |= told if isinstance(told, dict) else {"message": record.getMessage()}
        if record.exc_info:
            body["traceback"] = self.formatException(record.exc_info)
        return REDACTION(json.dumps(body, default=str))


@contextmanager
def logging_to(debug: bool = False, log_file: str | None = None, log_format: str = "text") -> Iterator[None]:
    """Logs while the context is open.

    Parameters:
        debug: everything; else the run's and its steps' beginnings and ends, and what went wrong.
        log_file: is added to; None: standard error, or at a terminal, where the display stands, a new file.

    Raises:
        UsageError: the file cannot be written.
    """
    handler = _handler(log_file)
    handler.setFormatter(_Json() if log_format == "json" else _Text())
    root, ours = logging.getLogger(), logging.getLogger("agentflow")
    before = root.level, ours.level
    root.addHandler(handler)
    # Of libraries what they call information: their debugging quotes whole requests.
    root.setLevel(logging.INFO if debug else logging.WARNING)
    ours.setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        yield
    except Exception as error:
        ours.debug("the command ends with an error", exc_info=error)
        raise
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        ours.setLevel(before[1])
        handler.close()


def _handler(log_file: str | None) -> logging.Handler:
    if log_file is None and not sys.stderr.isatty():
        return logging.StreamHandler(sys.stderr)
    from agentflow.cli.told import new_log, say

    if log_file is None:
        descriptor, path = new_log("debug")
        say(f"logging to {path}")
    else:
        path = Path(log_file)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(
                f"'{log_file}' cannot be written: {error.strerror}", "name a file in a folder that is there"
            ) from None
    return _Closing(open(descriptor, "a", encoding="utf-8", errors="backslashreplace"))


class _Closing(logging.StreamHandler):  # type: ignore[type-arg]
    """A handler whose file is its own."""

    def close(self) -> None:
        super().close()
        self.stream.close()
