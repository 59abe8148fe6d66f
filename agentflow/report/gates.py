"""What a reader sees of people who are asked: by a step, or by an agent inside one."""

from typing import TYPE_CHECKING

from agentflow.events.run_events import GateAnswered, GateOpened, QuestionWithdrawn

if TYPE_CHECKING:
    from agentflow.report.node import Node
    from agentflow.report.view import RunView


def gate_opened(view: "RunView", event: GateOpened) -> "Node":
    """A person is asked; an agent's question stands inside the agent's step."""
    node = view.reopened(event.step, event.at)
    node.gate, node.answer = event, None
    node.state = "asking"
    if event.session is not None:
        node.kind = "question"
    view.gates[node.path] = node
    return node


def gate_answered(view: "RunView", event: GateAnswered) -> "Node":
    """A person has answered."""
    node = view.made(event.step)
    node.answer = event
    if node.kind == "question":
        view.close(node, "done", event.at)
    elif node.state == "asking":
        node.state = "running"
    view.gates.pop(node.path, None)
    return node


def question_withdrawn(view: "RunView", event: QuestionWithdrawn) -> "Node":
    """An agent's question needs no answer any more."""
    node = view.made(event.step)
    view.close(node, "skipped", event.at)
    view.gates.pop(node.path, None)
    return node
