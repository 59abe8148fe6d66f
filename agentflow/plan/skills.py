"""The skills of an agent: read from their folders, and narrowed by the rules of `Skill`."""

import os
from collections.abc import Iterable, Sequence

from agentflow.plan.agent_plan import Grant, SkillPlan
from agentflow.plan.findings import Findings
from agentflow.source.document import Loc
from agentflow.spec.skills import Skill, read_skill

SKILL_TOOL = "Skill"


def skills_of(folders: Sequence[str], grants: Iterable[Grant], loc: Loc, findings: Findings) -> tuple[SkillPlan, ...]:
    """What an agent may call upon.

    Parameters:
        folders: as the agent names them.
        grants: its tools.
        loc: of the agent.
    """
    grant = next((grant for grant in grants if grant.tool.name == SKILL_TOOL), None)
    where = (*loc, "skills")
    if grant is None:
        if folders:
            message = f"the agent has skills and no tool `{SKILL_TOOL}` to call upon them"
            findings.at("AF309", message, where, f"add `{SKILL_TOOL}` to its `tools`", key=True)
        return ()
    if not folders and not findings.is_broken(where):
        message = f"the agent has the tool `{SKILL_TOOL}` and no skills"
        findings.at("AF309", message, (*loc, "tools"), "name their folders: `skills: [.claude/skills/…]`", key=True)
    found: dict[str, SkillPlan] = {}
    for index, folder in enumerate(folders):
        skill = _read((*where, index), findings)
        if skill is None:
            continue
        if skill.name in found:
            message = f"there are two skills `{skill.name}`: `{found[skill.name].folder}` and `{folder}`"
            findings.at("AF205", message, (*where, index), "give one of them another `name`")
        found[skill.name] = SkillPlan(skill.name, skill.description, _folder((*where, index), findings), skill.body)
    for rule in grant.rules:
        if rule not in found and not findings.is_broken(where):
            message = f"the agent has no skill `{rule}`"
            findings.at(
                "AF309", message, (*loc, "tools"), findings.similar(rule, found) or "name its folder in `skills`"
            )
    return tuple(skill for name, skill in found.items() if not grant.rules or name in grant.rules)


def _read(loc: Loc, findings: Findings) -> Skill | None:
    text = findings.source.imported.get(loc[:2], findings.source).texts.get(loc)
    if text is None:
        return None
    skill, problems = read_skill(text)
    for problem in problems:
        findings.add(problem.code, problem.message, problem.place, problem.hint)
    return skill


def _folder(loc: Loc, findings: Findings) -> str:
    """A skill's folder, seen from the workflow file's."""
    source = findings.source
    text = source.imported.get(loc[:2], source).texts[loc]
    return os.path.relpath(os.path.dirname(text.path) or ".", os.path.dirname(source.document.path) or ".")
