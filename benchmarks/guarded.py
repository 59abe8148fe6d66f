"""What the guard costs: a decision by rules, and whole runs with rules, caps, secrets and a policy all on."""

import os
import time
from collections.abc import Iterator

from benchmarks import by_hand, measure, workflows
from benchmarks.figure import Figure
from tests.messages_api import MessagesProcess

NAMES = ("permission-check", "turns-50-guarded", "fan-out-50-guarded")
BESIDE = {
    "permission-check": "a decision on a call of a file tool by forty rules, beside asking pathspec about as many",
    "turns-50-guarded": "turns-50 with rules of the file and the agent, caps of user and tenant, and a secret",
    "fan-out-50-guarded": "fan-out-50 with the same",
}
_RULES = """\
permissions:
  allow: ["Read(**)", Agent]
  ask: [WebFetch, "Read(deploy/**)"]
  deny: ["Read(.env)", "Read(**/*.pem)", "Read(secrets/**)", "Bash(rm *)", "Bash(curl *)"]
secrets: [BENCH_TOKEN]
env: {TOKEN: "{{ secrets.BENCH_TOKEN }}"}
"""
_POLICY = """\
agentflow: 1
tenants: {acme: {cost_usd: {per_day: 100000, per_month: 1000000}}}
users: {ada: {tenant: acme, cost_usd: {per_day: 50000, per_month: 500000}}}
"""
_CHECKS = 2_000


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    if not only or "permission-check" in only:
        pairs = [(_decisions(), _by_pathspec()) for _ in range(rounds + 1)][1:]
        ours, other = sorted(pairs)[len(pairs) // 2]
        yield Figure("permission-check", "ms", ours, other, tuple(mine / theirs for mine, theirs in pairs))
    os.environ["AGENTFLOW_USER"], os.environ["BENCH_TOKEN"] = "ada", "benchmark-token-of-nobody"
    cases: tuple[tuple[str, str, measure.Hand, float], ...] = (
        ("turns-50-guarded", workflows.one_agent(50), lambda c, f: by_hand.one_agent(c, f, 50), 1.15),
        ("fan-out-50-guarded", workflows.fan_out(50), lambda c, f: by_hand.fan_out(c, f, 50), 1.2),
    )
    for name, workflow, hand, aim in cases:
        if not only or name in only:
            with MessagesProcess(measure.SCRIPT, options=("--no-record",)) as server:
                measure.point_at(server.base_url)
                guarded = workflow.replace("agents:\n", f"{_RULES}agents:\n", 1)
                yield measure.compare(name, guarded, hand, rounds, aim, {"policy.yaml": _POLICY})


def _folders() -> list[str]:
    return [f"part{number}/**" for number in range(20)]


def _decisions() -> float:
    """Milliseconds of a decision."""
    import tempfile
    from pathlib import Path

    from agentflow import api
    from agentflow.guard.permissions import Level, Permissions, decide
    from agentflow.guard.rule_lists import ToolUse

    denied, allowed = (", ".join(f'"Read({tree})"' for tree in trees) for trees in (_folders(), ["src/**"] * 1))
    text = (
        "agentflow: 1\nname: bench\nagents:\n  a:\n    instructions: Read.\n    tools: [Read]\n"
        f"    permissions: {{allow: [{allowed}], ask: [{denied.replace('part', 'other')}], deny: [{denied}]}}\n"
        "steps: {s: {agent: a, prompt: Go.}}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bench.yaml").write_text(text)
        agent = api.plan(Path(folder) / "bench.yaml").agents["a"]
    permissions = Permissions([Level(agent.permissions, "agent")], agent.grants)
    calls = [ToolUse("Read", {"file_path": f"src/file{number}.py"}, "none") for number in range(_CHECKS)]
    decide(calls[0], permissions)
    began = time.perf_counter()
    for call in calls:
        decide(call, permissions)
    return (time.perf_counter() - began) * 1000 / _CHECKS


def _by_pathspec() -> float:
    """Milliseconds of asking one matcher of as many patterns."""
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines([*_folders(), *(tree.replace("part", "other") for tree in _folders()), "src/**"])
    paths = [f"src/file{number}.py" for number in range(_CHECKS)]
    began = time.perf_counter()
    for path in paths:
        spec.match_file(path)
    return (time.perf_counter() - began) * 1000 / _CHECKS
