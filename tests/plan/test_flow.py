"""Where text that is not the author's may stand in commands."""

import pytest

from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.findings import Findings
from agentflow.plan.paths import check_path
from agentflow.plan.scopes import RUN, Scope, StepFacts
from agentflow.plan.texts import TextReader
from agentflow.plan.types import STRING

FOREIGN = "{{ steps.a.output }}"


def codes_of(compiled, *words: str) -> list[str]:
    listed = ", ".join(f"'{word}'" for word in words)
    _, diagnostics = compiled(f"steps:\n  a: {{agent: {{}}, prompt: Hi}}\n  b: {{run: [{listed}]}}\n")
    return [found.code for found in diagnostics]


@pytest.mark.parametrize(
    "words",
    [
        ("bash", "-c", FOREIGN),
        ("/bin/bash", "-euo", "pipefail", "-lc", FOREIGN),
        ("sh", "-c", "echo " + FOREIGN),
        ("python3.11", "-c", FOREIGN),
        ("node", "--eval", FOREIGN),
        ("perl", "-pe", FOREIGN),
        ("env", "A=b", "timeout", "5", "ruby", "-e", FOREIGN),
        ("awk", FOREIGN, "file"),
        ("ssh", "host", "--", FOREIGN),
    ],
)
def test_it_is_never_code_for_an_interpreter(compiled, words):
    assert codes_of(compiled, *words) == ["AF501"]


@pytest.mark.parametrize(
    "words",
    [
        ("git", "log", FOREIGN),
        ("rm", FOREIGN, "--"),
        ("ls", "-" + FOREIGN),
        ("ls", "--" + FOREIGN),
        ("ls", FOREIGN + "x"),
    ],
)
def test_it_is_never_read_as_an_option(compiled, words):
    assert codes_of(compiled, *words) == ["AF502"]


@pytest.mark.parametrize(
    "words",
    [
        ("git", "log", "--", FOREIGN),
        ("gh", "issue", "create", "--title=" + FOREIGN),
        ("cat", "out/" + FOREIGN),
        ("bash", "-c", 'echo "$1"', "--", FOREIGN),
        ("head", "-n", "{{ steps.a.output | length }}"),
        ("echo", '{{ steps.a.output == "x" }}'),
        ("echo", "{{ steps.a.status }}"),
        ("echo", '{{ "yes" if steps.a.output else "no" }}'),
    ],
)
def test_behind_a_double_dash_attached_or_of_a_closed_type_it_may_stand(compiled, words):
    assert codes_of(compiled, *words) == []


@pytest.mark.parametrize(
    "words",
    [
        ("git", "clone", "https://" + FOREIGN),
        ("x", "--url=ssh://" + FOREIGN + "/path"),
        ("x", "https://user:" + FOREIGN + "@host/"),
        ("x", "https://host:" + FOREIGN + "/"),
        ("x", "https://api.example.com" + FOREIGN),
        ("x", "see https://example.com/ and ftp://" + FOREIGN),
        ("curl", "--", FOREIGN),
        ("curl", "--url=" + FOREIGN),
        ("timeout", "5", "wget", "--", FOREIGN + "/x"),
    ],
)
def test_it_does_not_say_which_host_is_called(compiled, words):
    assert codes_of(compiled, *words) == ["AF507"]


@pytest.mark.parametrize(
    "words",
    [
        ("x", "https://example.com/" + FOREIGN),
        ("x", "https://example.com?" + FOREIGN),
        ("x", "https://example.com and " + FOREIGN),
        ("x", "https://{{ run.id }}/" + FOREIGN),
        ("x", "https://{{ steps.a.output | length }}.example.com/"),
        ("curl", "-H", "X-Name:" + FOREIGN, "https://example.com"),
        ("wget", "--post-data=" + FOREIGN, "https://example.com"),
    ],
)
def test_it_may_stand_behind_a_host_that_is_written_out(compiled, words):
    assert codes_of(compiled, *words) == []


@pytest.mark.parametrize(
    ("path", "codes"),
    [("{{ steps.a.output }}", ["AF508"]), ("notes/{{ steps.a.output }}.md", ["AF508"]), ("notes/{{ run.id }}.md", [])],
)
def test_a_path_takes_no_text_that_is_not_the_authors(loaded, path: str, codes: list[str]):
    findings = Findings(loaded(f"steps:\n  a: {{agent: {{}}, prompt: '{path}'}}\n"))
    use = TextReader(findings).template(("steps", "a", "prompt"), path)
    assert use is not None
    draft = Draft("a", ("steps", "a"), findings.source.workflow.steps["a"], {}, None)
    facts = {"a": StepFacts(STRING, True, False, False)}
    scope = Scope({"run": RUN}, DraftBlock((), {"a": draft}, None), facts=facts)
    check_path(use, scope, findings)
    assert [found.code for found in findings.sorted()] == codes


def test_a_loop_inside_a_text_does_not_wash_it(compiled):
    _, diagnostics = compiled("""
        steps:
          a: {agent: {output: {type: array, items: {type: string}}}, prompt: Hi}
          b: {value: "steps.a.output | map('upper') | join(' ')"}
          c: {steps: {d: {value: "{'x': steps.b.output}"}}, output: steps.d.output}
          e: {run: [git, log, "{{ steps.c.output.x }}"]}
    """)
    assert [found.code for found in diagnostics] == ["AF502"]


def test_what_a_person_said_is_trusted(compiled):
    _, diagnostics = compiled("""
        steps:
          a: {approve: Go?}
          b: {run: [git, commit, -m, "{{ steps.a.output.comment }}"]}
    """)
    assert diagnostics == []
