"""Which steps of an older run keep what they came to in a new one, and which run again, and why.

A step runs again where it is told to, where it did not settle, or where something that it waits for runs again; the
blocks around it are opened anew, and what else was done inside them stays. All of this is by paths: what is dropped
takes everything inside with it, what is opened does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from agentflow.events.run_events import StepKept
from agentflow.plan.model import Block, ForEachStepPlan, Plan, RepeatStepPlan, StepPlan
from agentflow.run.state import ROOT, item_of, split, step_path


class Past(Struct, frozen=True):
    """What an older run came to, by the paths of its steps.

    Attributes:
        settled: how steps ended, with which the run went on: done, rejected, skipped, or failed where it goes on.
        unsettled: how the others stand, in words that go after "because": `it failed`.
        failed: of those the ones that ended by failing.
        cut_off: of those the commands, functions and tools that may have had their effect.
    """

    settled: Mapping[str, StepKept]
    unsettled: Mapping[str, str]
    failed: frozenset[str] = frozenset()
    cut_off: frozenset[str] = frozenset()


class Fate(Struct, frozen=True):
    """What becomes of a step in the new run.

    Attributes:
        reused: it keeps what it came to; else it runs again, because of `why`.
        inside: how many steps inside it are kept, where it runs again.
    """

    step: str
    reused: bool
    why: str | None = None
    inside: int = 0


def step_at(plan: Plan, path: str) -> StepPlan | None:
    """The step of a path, with or without the numbers of items and rounds; None where there is none."""
    block: Block | None = plan.root
    step = None
    for segment in path.split("."):
        step = None if block is None else block.steps.get(segment.partition("[")[0])
        if step is None:
            return None
        block = getattr(step, "body", None)
    return step


def bare(path: str) -> str:
    """A path without the numbers of items and rounds."""
    return ".".join(segment.partition("[")[0] for segment in path.split("."))


def around(path: str) -> Iterator[str]:
    """The blocks, items and rounds that a path is in, the innermost first."""
    while True:
        item = item_of(path)
        path = split(path)[0] if item is None else item[0]
        if path == ROOT:
            return
        yield path


@dataclass(slots=True)
class Reuse:
    """Decides what of an older run is kept.

    Parameters:
        plan: the new run's.

    Attributes:
        dropped: paths that run again with all that is inside them, and why.
        opened: blocks that run again, but what is kept inside them; and why.
        rounds: of a `repeat`, the last round of which anything is kept.
        causes: where it begins, by the bare paths of steps, and why.
    """

    plan: Plan
    past: Past
    dropped: dict[str, str] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)

    def because(self, paths: Iterable[str], name: str, why: str, *, inside: bool = True) -> None:
        """Has a step of the file run again, wherever it did.

        Parameters:
            paths: where it ran.
            name: its path, without the numbers of items and rounds.
            inside: what is in it runs again too.
        """
        self.causes.setdefault(name, why)
        for path in paths:
            (self.again if inside else self.open)(path, why)

    def again(self, path: str, why: str) -> None:
        """Has a step or an item run again, and what follows it."""
        if path in self.dropped:
            return
        self.dropped[path] = why
        item = item_of(path)
        if item is None:
            self._follow(path)
        else:
            self._open_loop(*item, f"`{path}` runs again")

    def open(self, path: str, why: str) -> None:
        """Has a block run again, and what follows it; what is inside it stays."""
        if path in self.opened or path in self.dropped:
            return
        step = step_at(self.plan, path)
        reads_the_run = isinstance(step, ForEachStepPlan) and any(r.root == "run" for r in step.items.references)
        if reads_the_run or (step is not None and _own_files(step) and not isinstance(step, ForEachStepPlan)):
            # Its items may be others now; its files are those of the new run, which nothing was done to.
            self.again(path, why)
            return
        self.opened[path] = why
        self._follow(path)

    def settle(self) -> None:
        """Has everything run again that did not settle, but in blocks that are kept."""
        holding = {block for path in self.past.unsettled for block in around(path)}
        for path, why in sorted(self.past.unsettled.items(), key=lambda entry: entry[0].count(".")):
            if step_at(self.plan, path) is None or self._gone(path) or self._covered(path):
                continue
            self.causes.setdefault(bare(path), why)
            # What failed by itself, and not by what is in it, would do so again.
            if path in self.past.failed and path not in holding:
                self.again(path, why)
            else:
                self.open(path, why)

        self._run_stale()

    def _run_stale(self) -> None:
        """Has those run again whose output goes stale and that nothing which is kept has used, as a resume does."""
        block = self.plan.root
        for name in reversed(block.order):
            followers = tuple(block.followers[name])
            if block.steps[name].reruns and followers and not any(self._is_kept(other) for other in followers):
                self.again(name, "it says `on_resume: rerun`, and nothing that is kept has used it")

    def _is_kept(self, path: str) -> bool:
        return path in self.past.settled and self._stays(path)

    def kept(self) -> dict[str, StepKept]:
        """What is kept, the outermost steps alone, as the older run left it."""
        return {
            path: kept
            for path, kept in self.past.settled.items()
            if step_at(self.plan, path) is not None and self._stays(path) and not self._covered(path)
        }

    def fates(self, kept: Mapping[str, StepKept]) -> tuple[Fate, ...]:
        """What becomes of each step of the file, and of those inside its blocks with which it begins."""
        inside: dict[str, int] = {}
        for path in kept:
            for block in {bare(block) for block in around(path)}:
                inside[block] = inside.get(block, 0) + 1
        found = []
        for name in self.plan.root.order:
            found.append(self._fate(name, kept, inside.get(name, 0)))
            found += [
                Fate(path, reused=False, why=why, inside=inside.get(path, 0))
                for path, why in self.causes.items()
                if path.startswith(f"{name}.") and not found[-1].reused
            ]
        return tuple(found)

    def _fate(self, name: str, kept: Mapping[str, StepKept], inside: int) -> Fate:
        if name in kept:
            return Fate(name, reused=True)
        why = (
            self.causes.get(name)
            or self.dropped.get(name)
            or self.opened.get(name)
            or self.past.unsettled.get(name)
            or "it has not run"
        )
        return Fate(name, reused=False, why=why, inside=inside)

    def _follow(self, path: str) -> None:
        """Drops what waits for a step, and opens what is around it."""
        scope, name = split(path)
        holder = item_of(scope)
        block = self.plan.root if scope == ROOT else getattr(step_at(self.plan, scope), "body", None)
        if block is None:
            return
        for follower, leader in _after(block, name):
            reads = "needs" if leader in block.steps[follower].needs else "reads"
            where = leader if reads == "needs" else f"steps.{leader}"
            self.dropped.setdefault(step_path(scope, follower), f"it {reads} {where}, which runs again")
        if holder is not None:
            loop = step_at(self.plan, holder[0])
            if loop is not None and _own_files(loop) and isinstance(loop, ForEachStepPlan):
                self.dropped.setdefault(scope, f"`{path}` runs again")
            self._open_loop(*holder, f"`{path}` runs again")
        elif scope != ROOT:
            self.open(scope, f"`{path}` runs again")

    def _open_loop(self, path: str, index: int, why: str) -> None:
        if isinstance(step_at(self.plan, path), RepeatStepPlan):
            self.rounds[path] = min(index, self.rounds.get(path, index))
        self.open(path, why)

    def _stays(self, path: str) -> bool:
        """Whether nothing has this path run again."""
        return path not in self.opened and not self._gone(path)

    def _gone(self, path: str) -> bool:
        for here in (path, *around(path)):
            if here in self.dropped:
                return True
            item = item_of(here)
            if item is not None and item[1] > self.rounds.get(item[0], item[1]):
                return True
        return False

    def _covered(self, path: str) -> bool:
        """Whether a block around it is kept as a whole."""
        return any(block in self.past.settled and self._stays(block) for block in around(path))


def _after(block: Block, name: str) -> Iterator[tuple[str, str]]:
    """The steps that wait for one, near or far, each with a step that it waits for and that is among them."""
    seen, waiting = {name}, [name]
    while waiting:
        leader = waiting.pop(0)
        for follower in block.followers[leader]:
            if follower not in seen:
                seen.add(follower)
                waiting.append(follower)
                yield follower, leader


def _own_files(step: StepPlan) -> bool:
    return step.workspace in ("copy", "worktree")


def paths_like(paths: Iterable[str], wanted: str) -> list[str]:
    """The paths that a person means by one in which numbers of items and rounds may be left out."""
    return [path for path in paths if path == wanted or (bare(path) == wanted and item_of(path) is None)]
