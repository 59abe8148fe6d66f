"""The pictures of a plan, read again: Mermaid by a small reader of what is promised, dot by pydot."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.events.run_events import GateOpened, RunPaused
from agentflow.plan.model import Plan
from agentflow.report.colours import FILLS
from agentflow.report.dot import dot
from agentflow.report.drawing import MOST_TELLING, id_of, picture, states_of
from agentflow.report.mermaid import mermaid
from agentflow.report.view import RunView
from tests.builders import Run, plan_of
from tests.report.stories import Story, an_agent_with_a_subagent, its_end

NESTED = """
inputs:
  names: {type: array, items: {type: string}}
steps:
  end: {value: 'inputs.names | join("\\"]; %% <b>") ~ "\\\\"'}
  research:
    for_each: inputs.names
    steps:
      find: {agent: {instructions: Go.}, prompt: "{{ item }} {{ steps.end.output }}"}
      box:
        needs: [find]
        steps:
          deep: {run: [echo, "a|b", '"q"']}
  after: {needs: [research], approve: Go on?, when: "steps.end.output != ''"}
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(NESTED)


@dataclass
class Read:
    """A flowchart: the label of each node and box, what is in which box, edges, and classes."""

    labels: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    within: dict[str, str | None] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)


_ID = r"[a-z][A-Za-z0-9_]*"
_LINES = {
    "box": re.compile(rf'subgraph ({_ID})\["([^"]*)"\]'),
    "end": re.compile("end"),
    "node": re.compile(rf'({_ID})(\(\[|\[\[|\[|\{{\{{)"([^"]*)"(\]\)|\]\]|\]|\}}\}})'),
    "edge": re.compile(rf"({_ID}) -->\|([a-z, ]+)\| ({_ID})"),
    "define": re.compile(r"classDef ([a-z_]+) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}"),
    "class": re.compile(rf"class ({_ID}(?:,{_ID})*) ([a-z_]+)"),
}
_CLOSING = {"([": "])", "[[": "]]", "[": "]", "{{": "}}"}


def read(text: str) -> Read:
    """Reads a flowchart line by line; fails on any line that is not one of the promised forms."""
    head, *lines = text.split("\n")
    assert head == "flowchart TD"
    found, boxes = Read(), []
    for line in lines:
        kind, match = next(
            ((kind, match) for kind, form in _LINES.items() if (match := form.fullmatch(line.strip()))), ("", None)
        )
        assert match is not None, line
        if kind in ("box", "node"):
            label = match[2] if kind == "box" else match[3]
            assert match[1] not in found.labels
            found.labels[match[1]] = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label.replace("<br/>", "\n"))
            found.within[match[1]] = boxes[-1] if boxes else None
        if kind == "node":
            assert _CLOSING[match[2]] == match[4]
            found.shapes[match[1]] = match[2]
        elif kind == "box":
            boxes.append(match[1])
        elif kind == "end":
            boxes.pop()
        elif kind == "edge":
            found.edges.append((match[1], match[2], match[3]))
        elif kind == "define":
            found.defined.add(match[1])
        elif kind == "class":
            found.classes.update(dict.fromkeys(match[1].split(","), match[2]))
    assert not boxes
    assert all(end in found.labels for source, _, target in found.edges for end in (source, target))
    assert set(found.classes.values()) == found.defined
    return found


def parsed(text: str) -> Any:
    with warnings.catch_warnings():
        # What pydot's grammar does with pyparsing is pydot's affair.
        warnings.simplefilter("ignore")
        import pydot

        graphs = pydot.graph_from_dot_data(text)
    assert graphs is not None
    (graph,) = graphs
    return graph


def test_blocks_are_boxes_in_boxes_and_kinds_have_shapes(plan: Plan):
    found = read(mermaid(picture(plan)))
    assert found.within == {
        "step_end": None,
        "step_research": None,
        "step_research_0_find": "step_research",
        "step_research_0_box": "step_research",
        "step_research_0_box_0_deep": "step_research_0_box",
        "step_after": None,
    }
    assert found.shapes == {
        "step_end": "[",
        "step_research_0_find": "([",
        "step_research_0_box_0_deep": "[[",
        "step_after": "{{",
    }
    assert found.classes == {}


def test_edges_say_whether_it_reads_or_needs(plan: Plan):
    assert sorted(read(mermaid(picture(plan))).edges) == [
        ("step_end", "reads", "step_after"),
        ("step_end", "reads", "step_research"),
        ("step_research", "needs", "step_after"),
        ("step_research_0_find", "needs", "step_research_0_box"),
    ]


def test_labels_keep_every_character_and_mean_nothing_to_the_language(plan: Plan):
    found = read(mermaid(picture(plan)))
    assert found.labels["step_research_0_box_0_deep"] == 'deep\nrun echo a|b "q"'
    assert found.labels["step_after"] == "after\napprove Go on?\nwhen steps.end.output != ''"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}(\.[A-Za-z_][A-Za-z0-9_]{0,6}){0,3}", fullmatch=True)))
def test_no_two_paths_share_an_id(paths: list[str]):
    assert len({id_of(path) for path in paths}) == len(set(paths))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_message_can_be_drawn_and_read_again(message: str):
    from msgspec.structs import replace

    from agentflow.plan.expressions import Template
    from agentflow.plan.model import ApproveStepPlan

    plan = plan_of("steps: {ask: {approve: Go on?}}")
    ask = plan.root.steps["ask"]
    assert isinstance(ask, ApproveStepPlan)
    ask = replace(ask, message=Template(message, (), True, ()))
    drawn = picture(replace(plan, root=replace(plan.root, steps={"ask": ask})))
    (step,) = drawn.steps
    assert read(mermaid(drawn)).labels == {"step_ask": "\n".join(step.lines)}
    (node,) = [node for node in parsed(dot(drawn, message)).get_nodes() if node.get_name() == '"step_ask"']
    label = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], node.get_label()[1:-1])
    assert label == "\n".join(step.lines)


def test_dot_has_clusters_and_edges_that_end_at_their_borders(plan: Plan):
    graph = parsed(dot(picture(plan), plan.name))
    (research,) = graph.get_subgraphs()
    assert research.get_name() == '"cluster_step_research"'
    assert [inner.get_name() for inner in research.get_subgraphs()] == ['"cluster_step_research_0_box"']
    edges = {(edge.get_source(), edge.get_destination()): edge.get_attributes() for edge in graph.get_edges()}
    assert edges == {
        ('"step_end"', '"step_research_0_find"'): {"label": '"reads"', "lhead": '"cluster_step_research"'},
        ('"step_end"', '"step_after"'): {"label": '"reads"'},
        ('"step_research_0_box_0_deep"', '"step_after"'): {"label": '"needs"', "ltail": '"cluster_step_research"'},
    }


def view_of(story: Story) -> RunView:
    view = RunView()
    for stream, event in story:
        view.apply(stream, event)
    return view


def test_every_state_has_a_colour_and_a_rank():
    from typing import get_args

    from agentflow.report.node import State

    assert set(FILLS) == set(MOST_TELLING) == set(get_args(State))


def test_items_are_counted_together_while_the_run_is_at_work():
    states = states_of(view_of(an_agent_with_a_subagent()), at_work=True)
    assert states == {
        "research": Counter(running=1),
        "research[]": Counter(done=1, running=1, waiting=1),
        "research.find": Counter(done=1, running=1),
    }


def test_what_nobody_works_on_any_more_is_stopped():
    states = states_of(view_of(an_agent_with_a_subagent()), at_work=False)
    assert states["research"] == Counter(stopped=1)
    assert states["research.find"] == Counter(done=1, stopped=1)


def test_a_block_in_which_a_person_is_asked_asks():
    story: Story = [*an_agent_with_a_subagent(), ("", GateOpened(4.0, "research[2].sure", "Sure?", None, None))]
    story.append(("", RunPaused(5.0, "waiting")))
    assert states_of(view_of(story), at_work=False)["research"] == Counter(asking=1)


def test_steps_are_coloured_by_what_became_of_them(plan: Plan):
    states = states_of(view_of([*an_agent_with_a_subagent(), *its_end()]), at_work=False)
    drawn = picture(plan, states)
    found = read(mermaid(drawn))
    assert found.classes["step_after"] == "state_skipped"
    assert found.classes["step_research_0_find"] == "state_failed"
    assert found.classes["step_end"] == "state_waiting"
    assert found.labels["step_research_0_find"].endswith("\n1 failed, 1 done")
    assert "\nitems: 1 failed, 1 waiting, 1 done" in found.labels["step_research"]
    (research,) = parsed(dot(drawn, plan.name)).get_subgraphs()
    (find,) = [node for node in research.get_nodes() if node.get_name() == '"step_research_0_find"']
    assert find.get_fillcolor() == f'"{FILLS["failed"][0]}"'


ROUTED = """
inputs: {go: {type: boolean}}
steps:
  report:
    repeat: {until: loop.index == 2, max: 3}
    steps:
      route: {choose: [{when: inputs.go, value: "1"}], otherwise: {value: "2"}}
  guard: {when: inputs.go, needs: [report], fail: Not now.}
"""


def test_of_a_choice_in_a_run_the_case_that_was_not_chosen_says_so_and_rounds_are_counted():
    run = Run(ROUTED, go=False)
    view = RunView()
    for event in (run.begun, *run.events):
        view.apply("", event)
    drawn = picture(run.plan, states_of(view, at_work=False))
    report, guard = drawn.steps
    assert report.lines == ("report", "repeat until loop.index == 2", "done", "rounds: 2 done")
    assert report.inside is not None
    (route,) = report.inside.steps
    assert route.inside is not None
    assert [(case.lines, case.state) for case in route.inside.steps] == [
        (("case 1", "when inputs.go", "not chosen"), "skipped"),
        (("otherwise", "2 done"), "done"),
    ]
    assert (guard.lines, guard.kind, guard.state) == (
        ("guard", "fail Not now.", "when inputs.go", "done"),
        "fail",
        "done",
    )
    assert 'step_guard>"guard' in mermaid(drawn)
    assert "shape=octagon" in dot(drawn, "w")


def test_a_choice_that_has_not_begun_has_cases_that_have_not():
    view = RunView()
    drawn = picture(plan_of(ROUTED), states_of(view, at_work=False))
    assert drawn.steps[0].inside is not None
    (route,) = drawn.steps[0].inside.steps
    assert route.inside is not None
    assert [case.state for case in route.inside.steps] == ["waiting", "waiting"]
