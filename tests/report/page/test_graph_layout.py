from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.report.page.graph_layout import LONGEST_LINE, laid_out
from tests.report.page.pages import whole


def graph(names: int, edges: list[tuple[int, int]], inside: Any = None) -> dict[str, Any]:
    shared = {"kind": "run", "state": None, "inside": inside}
    steps = [{"id": f"s{n}", "lines": [f"s{n}", "x" * n], **shared} for n in range(names)]
    return {"steps": steps, "edges": [{"source": f"s{a}", "target": f"s{b}", "why": ["reads"]} for a, b in edges]}


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


acyclic = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda e: e[0] < e[1]), unique=True)
        if n > 1
        else st.just([]),
    )
)


@settings(deadline=None)
@given(acyclic)
def test_boxes_never_overlap_and_stand_below_what_they_wait_for(drawn: tuple[int, list[tuple[int, int]]]):
    names, edges = drawn
    made = laid_out(graph(names, edges))
    boxes = {box["id"]: box for box in made["boxes"]}
    assert not any(overlap(one, other) for one, other in combinations(boxes.values(), 2))
    for source, target in edges:
        upper, lower = boxes[f"s{source}"], boxes[f"s{target}"]
        assert upper["y"] + upper["height"] < lower["y"]
    for box in boxes.values():
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= made["width"] + 0.2
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= made["height"] + 0.2


@settings(deadline=None)
@given(acyclic)
def test_a_line_goes_down_only_and_from_box_to_box(drawn: tuple[int, list[tuple[int, int]]]):
    names, edges = drawn
    made = laid_out(graph(names, edges))
    assert len(made["lines"]) == len(edges)
    for line in made["lines"]:
        downs = [y for _, y in line["points"]]
        assert downs == sorted(downs)


def test_what_a_block_holds_stands_inside_it():
    (box,) = laid_out(graph(1, [], inside=graph(3, [(0, 2)])))["boxes"]
    assert box["inside"]["width"] < box["width"]
    assert box["inside"]["height"] < box["height"]


def test_long_labels_are_cut_and_kept_whole_beside():
    drawn = graph(1, [])
    drawn["steps"][0]["lines"] = ["y" * 200]
    (box,) = laid_out(drawn)["boxes"]
    assert len(box["lines"][0]) == LONGEST_LINE
    assert box["full"] == ["y" * 200]


def test_the_boxes_are_the_steps_of_the_plan():
    made = laid_out(whole()["graph"])
    assert [box["id"] for box in made["boxes"]] == ["step_research", "step_after", "step_last"]
    assert [(line["source"], line["target"]) for line in made["lines"]] == [
        ("step_research", "step_after"),
        ("step_research", "step_last"),
        ("step_after", "step_last"),
    ]


def test_nothing_to_draw_is_no_trouble():
    assert laid_out({"steps": [], "edges": []}) == {"width": 0.0, "height": 0.0, "boxes": [], "lines": []}
