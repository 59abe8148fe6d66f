"""A step, item, round or agent of a run, as readers see it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agentflow.events.run_events import GateAnswered, GateOpened, StepHeld
from agentflow.events.values import Failure, Workspace

State = Literal["waiting", "running", "asking", "done", "failed", "skipped", "rejected", "stopped"]
OPEN: frozenset[State] = frozenset({"running", "asking"})
BAD: frozenset[State] = frozenset({"failed", "rejected"})


@dataclass(slots=True, eq=False)
class Node:
    """A step, an item of a `for_each`, a round of a `repeat`, or a subagent.

    Attributes:
        path: a step's or item's path, or a subagent's stream.
        agent: the agent that works here.
        brief: what a subagent was sent out for, in the words of who sent it; `briefs`: of those that are to come, by
            the id of their call.
        items: how many, for a `for_each`.
        rounds: how many at most, for a `repeat`; `converged`: whether `until` held.
        choice: the case that runs, for a `choose`.
        turn: of its own session; `turns`, `tokens`, `cost_usd` and `tool_calls` include all that is inside.
        compactions: of its own session's conversation.
        calls: its tool calls that have not ended, each in a few words.
        calling: a request of its own is out.
        workspace: the files it works on, where they are not the project's.
        reused: it did not run: it ended so in an older run.
        tail: the end of what the model is writing.
        retry: why its last request failed, while it waits to be sent again.
        held: it only waits for the model's service.
        open: what is at work inside; `inner`: everything inside; `ended`: how many inside ended how;
            `bad`: those inside that failed or were rejected.
        at_work: agents at work, here and inside.
    """

    path: str
    name: str
    kind: Literal["step", "item", "agent", "question"]
    above: "Node | None"
    state: State = "waiting"
    attempt: int = 1
    agent: str | None = None
    brief: str = ""
    briefs: dict[str, str] = field(default_factory=dict)
    started_at: float | None = None
    ended_at: float | None = None
    items: int | None = None
    rounds: int | None = None
    converged: bool | None = None
    choice: str | None = None
    turn: int = 0
    turns: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    tool_calls: int = 0
    compactions: int = 0
    calls: dict[str, str] = field(default_factory=dict)
    calling: bool = False
    tail: str = ""
    retry: Failure | None = None
    retry_at: float | None = None
    held: StepHeld | None = None
    reason: str | None = None
    failure: Failure | None = None
    exit_code: int | None = None
    errors: Any = None
    workspace: Workspace | None = None
    reused: bool = False
    gate: GateOpened | None = None
    answer: GateAnswered | None = None
    inner: dict[str, "Node"] = field(default_factory=dict)
    open: dict[str, "Node"] = field(default_factory=dict)
    ended: dict[State, int] = field(default_factory=dict)
    bad: dict[str, "Node"] = field(default_factory=dict)
    at_work: int = 0

    @property
    def begun(self) -> int:
        """How many of what is inside have begun; those of an earlier attempt wait to begin again."""
        return sum(inner.state != "waiting" for inner in self.inner.values())

    def seconds(self, now: float) -> float | None:
        """How long it has taken so far, or took."""
        if self.started_at is None:
            return None
        return (now if self.ended_at is None else self.ended_at) - self.started_at

    def closed(self, state: State) -> None:
        """It ended so, as far as what it is in is concerned."""
        if self.above is not None:
            self.above.ended[state] = self.above.ended.get(state, 0) + 1
            if state in BAD:
                self.above.bad[self.path] = self

    def taken_back(self) -> None:
        """Its end does not count any more, where it had one."""
        if self.above is not None and self.state not in OPEN and self.state != "waiting":
            self.above.ended[self.state] -= 1
            self.above.bad.pop(self.path, None)

    def around(self) -> Iterator["Node"]:
        """This and everything that it is in, inside out."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.above


def open_nodes(node: Node) -> Iterator[Node]:
    """What is at work inside a node, the innermost first."""
    for inside in list(node.open.values()):
        yield from open_nodes(inside)
        yield inside
