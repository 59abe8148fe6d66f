"""The server as a process of its own, started from a test or a benchmark."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .recording import read_log

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10.0


class MessagesProcess:
    """Runs `python -m tests.messages_api` while the `with` block lasts.

    Parameters: `script` (a YAML, JSON or Python file), `log` (file for JSON lines, or None), `options` (further
    command line options, such as `("--latency", "0.2")`). `base_url` is there once the block is entered.
    """

    def __init__(self, script: Path, *, log: Path | None = None, options: Sequence[str] = ()) -> None:
        self._command = [sys.executable, "-m", "tests.messages_api", "--script", str(script), *options]
        if log is not None:
            self._command += ["--log", str(log)]
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.base_url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        if not self.base_url.startswith("http://"):
            self._stop()
            raise RuntimeError("the Messages API did not start; its standard error says why")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def stats(self) -> dict[str, Any]:
        """Counts: requests, refused, in_flight, max_in_flight, outcomes."""
        return self._control("stats", "GET")

    def hold(self) -> None:
        """Answer nothing until `release`."""
        self._control("hold", "POST")

    def release(self) -> None:
        """Answer all that is held."""
        self._control("release", "POST")

    def requests(self) -> list[dict[str, Any]]:
        """The finished requests in the log; needs `log`."""
        if self._log is None:
            raise RuntimeError("start MessagesProcess with log= to read its requests")
        return read_log(self._log)

    def until_in_flight(self, count: int) -> None:
        """Wait until exactly `count` requests are in flight; raises TimeoutError after 10 seconds."""
        self._control(f"until/{count}", "GET")

    def _control(self, name: str, method: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.base_url}/_control/{name}", method=method)
        # A proxy from the environment must not see loopback traffic.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=STOP_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
        return found
