"""The paths of a plan's steps, and the patterns by which files name them."""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations

from agentflow.plan.model import Block, ForEachStepPlan, Plan, RepeatStepPlan, StepPlan, WorkflowStepPlan
from agentflow.run.state import step_path

_INDEX = re.compile(r"\[\d{1,9}\]")
_MAX_INDEXES = 8


def steps_by_path(plan: Plan) -> Mapping[str, StepPlan]:
    """Every step by its path without the indexes of items and rounds, as `research.find`."""
    return dict(_steps("", plan.root))


def _steps(scope: str, block: Block) -> Iterator[tuple[str, StepPlan]]:
    for name, step in block.steps.items():
        path = step_path(scope, name)
        yield path, step
        for body in bodies_of(step):
            yield from _steps(path, body)


def bodies_of(step: StepPlan) -> Iterator[Block]:
    """The blocks that a step holds."""
    if isinstance(step, WorkflowStepPlan):
        yield step.body
    for name in step.__struct_fields__:
        if isinstance(value := getattr(step, name), Block):
            yield value


def general(path: str) -> str:
    """A path without the indexes of items and rounds."""
    return _INDEX.sub("", path)


def patterns(path: str) -> Iterator[str]:
    """The patterns that name a path, from the path itself to the one without any index."""
    indexes = list(_INDEX.finditer(path))[:_MAX_INDEXES]
    for count in range(len(indexes) + 1):
        for dropped in combinations(indexes, count):
            spans = {match.start(): match.end() for match in dropped}
            yield "".join(character for at, character in enumerate(path) if not _inside(at, spans))


def _inside(at: int, spans: Mapping[int, int]) -> bool:
    return any(start <= at < end for start, end in spans.items())


def step_named(pattern: str, steps: Mapping[str, StepPlan]) -> StepPlan | None:
    """The step that a pattern names, or None; an index stands only behind a step that repeats its body."""
    step = steps.get(general(pattern))
    for match in _INDEX.finditer(pattern):
        holder = steps.get(general(pattern[: match.start()]))
        if match.end() == len(pattern) or not _repeats(holder):
            return None
    return step


def _repeats(step: StepPlan | None) -> bool:
    return isinstance(step, ForEachStepPlan | RepeatStepPlan)


def round_of(path: str, steps: Mapping[str, StepPlan]) -> int:
    """The round, from 0, that a path is in, of the nearest `repeat` around it; 0 outside of any."""
    for match in reversed(list(_INDEX.finditer(path))):
        if isinstance(steps.get(general(path[: match.start()])), RepeatStepPlan):
            return int(match[0][1:-1])
    return 0
