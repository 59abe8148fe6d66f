"""`run`: a command."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.flow import check_argv, check_env, check_script
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import RunStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import STRING, UNKNOWN, array
from agentflow.source.document import Loc
from agentflow.spec.steps import RunStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: RunStep) -> Texts:
    if isinstance(step.run, list):
        for index, word in enumerate(step.run):
            yield ("run", index), read.template((*loc, "run", index), word)
    yield from _stdin_and_env(read, loc, step)


def _stdin_and_env(read: TextReader, loc: Loc, step: RunStep) -> Texts:
    if step.stdin is not None:
        yield ("stdin",), read.template((*loc, "stdin"), step.stdin)
    for name, value in step.env.items():
        yield ("env", name), read.template((*loc, "env", name), value)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """A command's output is tool text."""
    step = draft.step
    assert isinstance(step, RunStep)
    loc = (*draft.loc, "run")
    if isinstance(step.run, str):
        check_script(step.run, loc, analysis.findings)
    else:
        words = {int(key[1]): use for key, use in draft.uses.items() if key[0] == "run"}
        check_argv(step.run, words, loc, scope, analysis.findings)
    if not step.run:
        analysis.findings.at("AF203", "the command is empty", loc, "name a command and its arguments")
    _check_cwd(analysis, step.cwd, (*draft.loc, "cwd"))
    for key, use in draft.uses.items():
        if key[0] == "env":
            check_env(str(key[1]), use, scope, analysis.findings)
    return Output(UNKNOWN if analysis.findings.is_broken((*draft.loc, "parse")) else _PARSED[step.parse], True)


def _check_cwd(analysis: "Analysis", cwd: str | None, loc: Loc) -> None:
    if cwd is None:
        return
    if "{{" in cwd:
        analysis.findings.at("AF307", "a folder is constant", loc, "write the folder out")
    elif cwd.startswith(("/", "~")) or ".." in cwd.split("/"):
        analysis.findings.at("AF203", "`cwd` is a folder inside the project", loc, "write it relative to the project")


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """A command."""
    step = draft.step
    assert isinstance(step, RunStep)
    stdin = draft.uses.get(("stdin",))
    return RunStepPlan(
        **common,
        argv=tuple(use.template for use in draft.list_of("run")),
        script=step.run if isinstance(step.run, str) else None,
        stdin=None if stdin is None else stdin.template,
        env={str(key[1]): use.template for key, use in draft.uses.items() if key[0] == "env"},
        cwd=step.cwd,
        parse=step.parse,
        exit_codes=tuple(step.exit_codes),
        effects=step.effects,
        timeout=step.timeout,
        on_unknown=step.on_unknown,
    )


_PARSED = {"text": STRING, "json": UNKNOWN, "lines": array(STRING)}

RUN = Kind(_texts, _output, _build)
