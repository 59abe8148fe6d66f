from hypothesis import given
from hypothesis import strategies as st

from agentflow.events.run_events import StepFinished, StepStarted
from agentflow.report.layout import rows
from agentflow.report.view import RunView
from tests.report.stories import STARTED, an_agent_with_a_subagent, called, its_end, session
from tests.report.test_view import told


def a_crowd(steps: int, agents: int) -> RunView:
    """Steps at work, each of them an agent with so many subagents."""
    view = RunView(tuple(f"s{index}" for index in range(steps)))
    view.apply("", STARTED)
    for index in range(steps):
        step = f"s{index}"
        view.apply("", StepStarted(1.0, step, session=step))
        view.apply(step, session(1.0, step))
        for child in range(agents):
            view.apply(f"{step}/{child}", session(1.0, step, "helper", step))
            view.apply(f"{step}/{child}", called(1.0))
    return view


def test_an_item_stands_on_one_line_with_the_only_step_at_work_in_it():
    shown = rows(told(an_agent_with_a_subagent(), ("research", "after")), 20, 4.0)
    assert [(row.depth, row.state, row.name) for row in shown] == [
        (0, "running", "research"),
        (1, "running", "[1].find"),
        (2, "running", "fetcher"),
        (0, "waiting", "after"),
    ]
    assert shown[0].doing == "1 of 3 items"
    assert (shown[1].agent, shown[1].doing) == ("finder", "1 subagent at work")
    assert (shown[2].doing, shown[2].seconds) == ("thinking", 1.0)


def test_what_has_ended_folds_up_but_for_what_failed_and_says_why():
    shown = rows(told(an_agent_with_a_subagent() + its_end()), 20, 9.0)
    assert [(row.name, row.state, row.doing) for row in shown] == [
        ("research", "stopped", "2 of 3 items, 1 failed"),
        ("[1].find", "failed", "step_failed: it went wrong"),
        ("after", "skipped", "`research` failed"),
    ]


def test_a_crowd_is_cut_and_counted():
    shown = rows(a_crowd(1, 1000), 10, 2.0)
    assert len(shown) == 10
    assert shown[0].doing == "1,000 subagents at work"
    assert shown[-1].name == "992 more at work"


def test_each_gets_its_share_of_the_room():
    shown = rows(a_crowd(3, 100), 15, 2.0)
    assert [row.depth for row in shown] == [0, 1, 1, 1, 1] * 3
    assert [row.name for row in shown if row.state is None] == ["97 more at work"] * 3


def test_many_steps_are_gathered():
    view = RunView(tuple(f"s{index}" for index in range(100)))
    shown = rows(view, 8, 1.0)
    assert [row.name for row in shown] == ["100 steps to come"]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 40))
def test_there_are_never_more_rows_than_room(steps: int, agents: int, room: int):
    view = a_crowd(steps, agents)
    shown = rows(view, room, 2.0)
    assert len(shown) <= room
    if steps:
        assert shown


def test_a_repeat_says_which_round_it_is_in_and_a_choice_what_it_chose():
    view = RunView()
    for event in (
        STARTED,
        StepStarted(1.0, "report", rounds=3),
        StepFinished(1.0, "report[0]", "done", converged=False),
        StepStarted(1.0, "report[1].route", choice="2"),
        StepStarted(1.0, "report[1].route.2"),
    ):
        view.apply("", event)
    shown = [(row.depth, row.name, row.doing) for row in rows(view, 20, 2.0)]
    assert shown == [
        (0, "report", "round 2 of at most 3"),
        (1, "[1].route", "case 2"),
        (2, "case 2", ""),
    ]
    view.apply("", StepFinished(2.0, "report", "done", converged=True))
    assert rows(view, 20, 2.0)[0].doing == "2 rounds"
