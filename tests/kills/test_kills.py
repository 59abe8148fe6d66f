"""A slice of the whole; `python -m tests.kills` goes through all points."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_killed_run_loses_nothing_and_repeats_nothing_silently():
    command = [sys.executable, "-m", "tests.kills", "--points", "25", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    figures = {line[:32].strip(): line[32:].split()[0] for line in done.stdout.splitlines()}
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(figures["processes killed"]) >= 20
    assert int(figures["effects told as unknown"]) > 0
    assert figures["acknowledged events lost"] == "0"
    assert figures["effects repeated silently"] == "0"
    assert figures["requests refused by the API"] == "0"
    assert figures["outputs that differ"] == "0"
