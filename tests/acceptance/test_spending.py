"""Two tenants, twenty runs each, in processes on one journal that are killed in the middle: no cap is passed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from agentflow import api
from agentflow.events.session_events import CompactionFailed, ModelCalled, ModelFailed, ModelReplied
from agentflow.guard.money import NANO, nano
from tests.acceptance import spending_process

ROOT = Path(__file__).resolve().parents[2]
POLICY = """
agentflow: 1
tenants:
  acme: {cost_usd: {per_day: 1.50, per_month: 100}}
  beta: {cost_usd: {per_day: 1.00}}
users:
  ada: {tenant: acme, cost_usd: {per_day: 0.60}}
  abe: {tenant: acme}
  bob: {tenant: beta}
  bea: {tenant: beta, cost_usd: {per_day: 0.45}}
"""
CAPS = {"acme": 1.50, "beta": 1.00, "ada": 0.60, "bea": 0.45}


def processes(folder: Path, *groups: list[str]) -> list["subprocess.Popen[str]"]:
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.spending_process", str(folder), *group],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for group in groups
    ]


def told(process: "subprocess.Popen[str]") -> list[dict]:
    out, errors = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return [json.loads(line) for line in out.splitlines()]


def charged(folder: Path) -> dict[str, int]:
    """What every call cost, by user and tenant, summed from the events alone; one without an end at the most."""
    found: dict[str, int] = {}
    journal = api.open_journal(folder)
    try:
        for summary in journal.runs(1000):
            out: dict[str, int] = {}
            started = None
            for entry in journal.read(summary.run):
                event, stream = entry.event, entry.stream
                started = started or event
                cost = 0
                if isinstance(event, ModelCalled):
                    out[stream] = nano(event.reserved_usd)
                elif isinstance(event, ModelReplied):
                    cost, out[stream] = nano(event.cost_usd), 0
                elif isinstance(event, ModelFailed | CompactionFailed):
                    cost, out[stream] = nano(event.charged_usd), 0
                for name in (started.user, started.tenant):
                    found[name] = found.get(name, 0) + cost
            for name in (started.user, started.tenant):
                found[name] = found.get(name, 0) + sum(out.values())
    finally:
        journal.close()
    return found


def test_no_cap_is_passed_by_twenty_runs_of_two_tenants_in_processes_that_are_killed(tmp_path):
    folder = tmp_path.resolve()
    (folder / ".git").mkdir()
    (folder / "spending.yaml").write_text(spending_process.WORKFLOW)
    (folder / "policy.yaml").write_text(POLICY)
    groups = [
        [f"{'ada' if n % 2 else 'abe'}:{n}" for n in range(10)],
        [f"{'bob' if n % 2 else 'bea'}:{n}" for n in range(10, 20)],
        [f"{'ada' if n % 2 else 'abe'}:{n}" for n in range(20, 30)],
        [f"{'bob' if n % 2 else 'bea'}:{n}" for n in range(30, 40)],
    ]
    first = processes(folder, *groups)
    database = folder / ".agentflow" / "journal.db"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and spent(folder, database) < 0.5:
        time.sleep(0.05)
    first[0].kill()
    first[1].kill()
    results = [line for process in first for line in told(process)]
    results += [line for process in processes(folder, [], []) for line in told(process)]
    journal = api.open_journal(folder)
    try:
        runs = journal.runs(1000)
        day = journal.spending(("day",))
        by_tenant = {one.of["tenant"]: one.cost_usd for one in journal.spending(("tenant",))}
        held = {name: journal.charged(whose, name, one.of["day"]) for one in day for whose, name in ACCOUNTS}
    finally:
        journal.close()
    assert len(runs) >= 20
    assert not [one for one in runs if one.status in ("running", "crashed")]
    found = charged(folder)
    for name, cap in CAPS.items():
        assert found[name] <= cap * NANO, name
        print(f"{name}: spent ${found[name] / NANO:.6f} of ${cap:.2f} ({found[name] / NANO / cap:.1%})")
    if len(day) == 1:  # else midnight came, and each day has its own
        assert held == {name: found[name] for _, name in ACCOUNTS}
        for tenant in ("acme", "beta"):
            assert by_tenant[tenant] * NANO == found[tenant]
    refused = [one for one in results if one["kind"] == "cost_usd"]
    print(f"{len(runs)} runs, {sum(one.status == 'done' for one in runs)} done, {len(refused)} refused")
    assert refused
    assert all("the tenant '" in one["why"] or "the user '" in one["why"] for one in refused)


ACCOUNTS = (("tenant", "acme"), ("tenant", "beta"), ("user", "ada"), ("user", "bea"))


def spent(folder: Path, database: Path) -> float:
    if not database.exists():
        return 0.0
    try:
        journal = api.open_journal(folder)
    except api.JournalError:  # it is only just being made
        return 0.0
    try:
        return sum(one.cost_usd for one in journal.spending(()))
    except api.JournalError:
        return 0.0
    finally:
        journal.close()
