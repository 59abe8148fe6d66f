"""The command line as a user runs it: a process of its own in a project of its own."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.messages_api.process import ROOT

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Cli:
    """Runs agentflow in `folder`, with no environment but this one."""

    folder: Path
    env: Mapping[str, str]

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "agentflow", *arguments]

    def __call__(self, *arguments: str, stdin: str = "") -> Ended:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=dict(self.env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def in_terminal(self, *arguments: str, answers: Mapping[str, str | Callable[[], object]] | None = None) -> Ended:
        """Runs in a terminal of 100 columns; does what each text on the screen asks for: types it, or calls it."""
        answers = dict(answers or {})
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            env = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", **self.env}
            os.execve(sys.executable, self.command(*arguments), env)
        seen = b""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and select.select([terminal], [], [], SECONDS)[0]:
            try:
                found = os.read(terminal, 65536)
            except OSError:
                break
            if not found:
                break
            seen += found
            for text in [text for text in answers if text.encode() in seen]:
                answer = answers.pop(text)
                if isinstance(answer, str):
                    os.write(terminal, answer.encode())
                else:
                    answer()
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return Ended(os.waitstatus_to_exitcode(status), seen.decode("utf-8", "replace"), "")


def environment(home: Path, base_url: str) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "ANTHROPIC_API_KEY": "test",
        "ANTHROPIC_BASE_URL": base_url,
        "AGENTFLOW_ENDPOINT": "anthropic",
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
    }


def run_id(text: str) -> str:
    found = re.search(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b", text)
    assert found is not None, text
    return found[0]
