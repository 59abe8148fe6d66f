"""What the guard costs a whole run: rules, caps, secrets and a policy, all on."""

import os
from collections.abc import Iterator

from benchmarks import by_hand, measure, workflows
from benchmarks.figure import Figure
from tests.messages_api import MessagesProcess

NAMES = ("turns-50-guarded", "fan-out-50-guarded")
BESIDE = {
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


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
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
