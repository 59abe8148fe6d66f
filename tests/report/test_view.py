from msgspec.structs import replace

from agentflow.events.run_events import GateAnswered, GateOpened, RunPaused, RunResumed, StepStarted
from agentflow.events.session_events import ModelFailed
from agentflow.events.values import Failure, Usage
from agentflow.report.node import Node
from agentflow.report.view import RunView, parent_of
from tests.report.stories import STARTED, Story, an_agent_with_a_subagent, called, ended, its_end, replied, session, use


def told(story: Story, steps: tuple[str, ...] = ()) -> RunView:
    view = RunView(steps)
    for stream, event in story:
        view.apply(stream, event)
    return view


def step(view: RunView, path: str) -> Node:
    node = view.step(path)
    assert node is not None
    return node


def test_a_path_tells_where_it_is():
    assert parent_of("research[3].find") == ("research[3]", "find")
    assert parent_of("research[3]") == ("research", "[3]")
    assert parent_of("a.b[0].c[1]") == ("a.b[0].c", "[1]")
    assert parent_of("plan") == ("", "plan")


def test_steps_items_and_subagents_are_a_tree():
    view = told(an_agent_with_a_subagent(), ("research", "after"))
    assert [(node.name, node.state) for node in view.root.inner.values()] == [
        ("research", "running"),
        ("after", "waiting"),
    ]
    research = step(view, "research")
    assert [(item.name, item.state) for item in research.inner.values()] == [("[0]", "done"), ("[1]", "running")]
    finder = step(view, "research[1].find")
    assert (finder.agent, finder.turn, finder.calls) == ("finder", 1, {"c1": "Agent fetcher"})
    assert [(agent.name, agent.calling) for agent in finder.inner.values()] == [("fetcher", True)]


def test_a_subagent_says_what_it_was_sent_out_for():
    view = told([("", STARTED), ("s", session(1.0, "one")), ("s", called(1.0))])
    sent = use("c1", "Agent", subagent_type="fetcher", description="Fate of the \x1b[2J boats")
    view.apply("s", replied(2.0, sent))
    view.apply("s/c1", replace(session(2.0, "one", "fetcher", "s"), parent_call="c1"))
    (fetcher,) = step(view, "one").inner.values()
    assert fetcher.brief == "Fate of the ␛[2J boats"


def test_a_block_counts_what_is_inside():
    view = told(an_agent_with_a_subagent())
    research = step(view, "research")
    assert (research.turns, research.tokens, research.tool_calls) == (2, 30, 1)
    assert (research.at_work, research.ended, list(research.open)) == (2, {"done": 1}, ["research[1]"])
    assert (view.root.cost_usd, view.usage) == (0.02, Usage(20, 10))


def test_the_end_closes_everything():
    view = told(an_agent_with_a_subagent() + its_end())
    research, finder = step(view, "research"), step(view, "research[1].find")
    assert (view.status, view.root.at_work, view.root.open) == ("failed", 0, {})
    # The run's end cut the block off: nothing says how it ended.
    assert (research.state, finder.state, finder.seconds(99.0)) == ("stopped", "failed", 4.0)
    assert step(view, "after").reason == "`research` failed"
    assert round(view.root.cost_usd, 6) == 0.04
    assert view.seconds() == 6.0


def test_a_gate_asks_until_it_is_answered():
    asked = GateOpened(1.0, "publish", "Publish?")
    view = told([("", STARTED), ("", asked)])
    assert (step(view, "publish").state, list(view.gates)) == ("asking", ["publish"])
    view.apply("", GateAnswered(2.0, "publish", True, "ada"))
    assert (step(view, "publish").state, view.gates) == ("running", {})


def test_a_request_that_is_sent_again_says_why():
    failure = Failure("model_unavailable", "overloaded", retryable=True)
    story: Story = [("", STARTED), ("s", session(1.0, "one")), ("s", called(1.0))]
    view = told([*story, ("s", ModelFailed(2.0, 1, 1, failure, charged_usd=0.5, retry_at=4.0))])
    node = step(view, "one")
    assert (node.retry, node.retry_at, node.calling, node.cost_usd) == (failure, 4.0, False, 0.5)
    view.apply("s", called(4.0))
    assert (node.retry, node.calling) == (None, True)


def test_nobodys_time_is_not_counted():
    story: Story = [("", STARTED), ("", RunPaused(10.0, "waiting", ("publish",)))]
    view = told(story)
    assert (view.status, view.seconds(500.0)) == ("waiting", 10.0)
    view.apply("", RunResumed(1000.0, worked_until=10.0))
    assert (view.status, view.seconds(1005.0)) == ("running", 15.0)


def test_a_new_attempt_reopens_a_step():
    view = told([("", STARTED), ("", StepStarted(1.0, "one")), ("s", session(1.0, "one")), ("s", called(1.0))])
    view.apply("s", ended(2.0, Failure("timeout", "late")))
    view.apply("", StepStarted(3.0, "one", attempt=2))
    node = step(view, "one")
    assert (node.state, node.attempt, node.failure) == ("running", 2, None)


def test_the_end_of_what_is_being_written_is_kept_and_no_more():
    view = told([("", STARTED), ("s", session(1.0, "one")), ("s", called(1.0))])
    for _ in range(1000):
        view.hear("s", "words ")
    view.hear("nobody", "words")
    assert len(step(view, "one").tail) <= 200
