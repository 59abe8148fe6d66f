"""The most that a run can cost, as JSON data."""

from math import isinf
from typing import Any

from agentflow.plan.cost import Dollars, RunBound, RunCost, SessionCost
from agentflow.plan.iterations import Iterations

JSON = Any


def cost_json(cost: RunCost) -> dict[str, JSON]:
    """The most that a run can cost.

    - `most_usd` and `decided_by`: what holds however many replies break off, and which cap makes it hold.
    - `without_the_cap`: what would hold without `limits.cost_usd`: `usd` and `decided_by` where every reply comes
      whole, `retried_usd` and `retried_decided_by` where each call is billed and made again as often as can be.
    - `bounds`: a list of `by`, `usd`, `retried_usd`, `reckoning`.
    - `steps`: a list of `path`, `times`, `usd`, `retried_usd`; `session` for agent steps: `agent`, `call_usd`,
      `turns`, `subagents`, `usd`, `retried_usd`, `decided_by`; `items` for `for_each` and `rounds` for `repeat`:
      `most`, `decided_by`.
    - `beyond`: what only the limits of the run bound, in sentences.
    """
    once, retried = cost.without_cap
    return {
        "most_usd": _usd(cost.most.usd.retried),
        "decided_by": cost.most.by,
        "without_the_cap": {
            "usd": _usd(once.usd.once),
            "decided_by": once.by,
            "retried_usd": _usd(retried.usd.retried),
            "retried_decided_by": retried.by,
        },
        "bounds": [_bound_json(bound) for bound in (cost.cap, *cost.others)],
        "steps": [
            {
                "path": step.path,
                "times": step.times,
                **_dollars(step.usd),
                "session": None if step.session is None else _session_json(step.session),
                "items": _iterations(step.items),
                "rounds": _iterations(step.rounds),
            }
            for step in cost.steps
        ],
        "beyond": list(cost.beyond),
    }


def _iterations(iterations: Iterations | None) -> JSON:
    return None if iterations is None else {"most": iterations.most, "decided_by": iterations.by}


def _bound_json(bound: RunBound) -> dict[str, JSON]:
    return {"by": bound.by, **_dollars(bound.usd), "reckoning": bound.reckoning}


def _session_json(session: SessionCost) -> dict[str, JSON]:
    return {
        "agent": session.agent,
        "call_usd": _usd(session.call_usd),
        "turns": session.turns,
        "subagents": session.subagents,
        **_dollars(session.usd),
        "decided_by": session.by,
    }


def _dollars(usd: Dollars) -> dict[str, JSON]:
    return {"usd": _usd(usd.once), "retried_usd": _usd(usd.retried)}


def _usd(amount: float) -> float | None:
    return None if isinf(amount) else round(amount, 6)
