"""Command lines to paste: what can be done with a run, from where the user is now."""

import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentflow.events.run_events import RunFinished
    from agentflow.events.values import Failure
    from agentflow.journal.port import Gate

BUDGETS = frozenset({"cost_usd", "turns", "agents"})
"""The bounds of a run that hold back what would pass them, until there is more."""


def answers_to(gate: "Gate", project: Path, model: Sequence[str] = ()) -> list[str]:
    """The command lines that answer a question; `…` stands for what the person has to say."""
    from agentflow.report.forms import answer_words

    if gate.form is not None:
        return [command(project, "answer", gate.run, gate.step, model, answer_words(gate.form))]
    return [command(project, verb, gate.run, gate.step, model) for verb in ("approve", "reject")]


def with_more(failure: "Failure", until: float | None) -> tuple[str, ...] | None:
    """What to add to `resume` after a budget has ended a run; None where more of it would not help."""
    if failure.kind not in BUDGETS:
        return None
    return () if until is not None else ("--limit", f"{failure.kind}=…")


def held_text(finished: "RunFinished", run: str, project: Path, options: Sequence[str] = ()) -> str:
    """How a run goes on that a budget has ended."""
    from agentflow.report.service_wait import may_go_on

    more = () if finished.failure is None else with_more(finished.failure, finished.until) or ()
    line = command(project, "resume", run, None, options, more)
    return f"{may_go_on(finished.until, time.time(), held=True)}: {line}"


def command(
    project: Path,
    verb: str,
    run: str,
    step: str | None = None,
    model: Sequence[str] = (),
    more: Iterable[str] = (),
) -> str:
    """The command line that does something with a run.

    Parameters:
        project: the folder whose journal holds the run; named where it is not the one around the current folder.
        model: the options that say where the model's words come from and go to.
        more: what comes after the step.
    """
    from agentflow.cli.options import project_folder

    words = ["agentflow", verb, run]
    if step is not None:
        words.append(step)
    words += more
    if project_folder(None) != project:
        shown = project
        with suppress(ValueError):
            shown = shown.relative_to(Path.cwd())
        words += ["--project", str(shown)]
    return " ".join(map(_quoted, [*words, *model]))


def _quoted(word: str) -> str:
    # The sign for what is to be filled in needs no quotes: nobody types it as it stands.
    name, _, value = word.partition("=")
    return word if value == "…" and name.isidentifier() else "…" if word == "…" else shlex.quote(word)
