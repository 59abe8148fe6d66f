"""Files that import and run each other: however they are tangled, loading ends, and says what is wrong and where."""

import os
from pathlib import Path
from textwrap import dedent

import pytest

from agentflow import api
from agentflow.source import yaml_reader
from agentflow.spec import files
from agentflow.spec import load as loading
from agentflow.spec.files import DEEPEST, MOST_FILES

MAIN = "agentflow: 1\nname: main\n"


@pytest.fixture
def write(tmp_path: Path):
    """Writes files into a project of their own, and gives its folder."""
    (tmp_path / ".git").mkdir()

    def all_of(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml").replace("_md", ".md")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return tmp_path

    return all_of


def told(folder: Path, name: str = "main.yaml") -> list[tuple[str, str, int]]:
    """The diagnostics of a file: code, file and line."""
    found = api.check(folder / name).diagnostics
    return [(one.code, os.path.relpath(one.place.path, folder), one.place.line) for one in found]


LIBRARY = "agentflow: 1\nagents: {helper: {description: Helps.}}\n"
USES = MAIN + "imports: [{}]\nsteps: {{a: {{agent: helper, prompt: Hi}}}}\n"
RUNS = MAIN + "steps: {{a: {{workflow: {}}}}}\n"


@pytest.mark.parametrize("text", [USES, RUNS, MAIN + "steps: {{a: {{agent: {{from: {}}}, prompt: Hi}}}}\n"])
@pytest.mark.parametrize(
    "name", ["../outside.yaml", "/etc/passwd", "link.yaml", "pipe", "folder", "none.yaml", "a/../../x"]
)
def test_what_is_no_file_of_the_project_is_refused_at_its_name(write, text, name):
    folder = write(main_yaml=text.format(name))
    (folder.parent / "outside.yaml").write_text(LIBRARY)
    (folder / "link.yaml").symlink_to(folder.parent / "outside.yaml")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    assert told(folder) == [("AF106", "main.yaml", 3)]


def test_a_file_that_runs_itself_through_links_is_a_cycle(write):
    folder = write(main_yaml=RUNS.format("here/again.yaml"))
    (folder / "here").symlink_to(folder)
    (folder / "again.yaml").symlink_to(folder / "main.yaml")
    assert ("AF401", "here/again.yaml", 3) in told(folder)


def test_a_cycle_that_does_not_come_back_to_the_first_file_is_told_where_it_begins(write):
    folder = write(main_yaml=RUNS.format("b.yaml"), b_yaml=RUNS.format("c.yaml"), c_yaml=RUNS.format("b.yaml"))
    assert told(folder) == [("AF401", "b.yaml", 3)]
    assert told(folder, "c.yaml") == [("AF401", "c.yaml", 3)]
    (problem,) = api.check(folder / "b.yaml").diagnostics
    assert problem.message.count("→") == 2


def test_a_file_that_imports_or_runs_itself_is_refused(write):
    assert told(write(main_yaml=RUNS.format("main.yaml"))) == [("AF401", "main.yaml", 3)]
    assert ("AF203", "main.yaml", 3) in told(write(main_yaml=USES.format("main.yaml")))


def test_files_may_run_files_only_so_deep_also_where_they_were_loaded_before(write):
    chain = {f"f{n}_yaml": RUNS.format(f"f{n + 1}.yaml") for n in range(DEEPEST)}
    chain[f"f{DEEPEST}_yaml"] = MAIN + "steps: {a: {value: 1 + 1}}"
    folder = write(**chain)
    assert told(folder, "f1.yaml") == []
    assert told(folder, "f0.yaml") == [("AF104", f"f{DEEPEST - 1}.yaml", 3)]
    shallow = MAIN + "steps: {first: {workflow: f3.yaml}, then: {workflow: g1.yaml}}"
    chain = {f"g{n}_yaml": RUNS.format(f"g{n + 1}.yaml") for n in range(1, 5)}
    folder = write(main_yaml=shallow, g5_yaml=RUNS.format("f3.yaml"), **chain)
    assert {code for code, *_ in told(folder)} == {"AF104"}


def test_files_that_run_files_many_times_over_are_refused_before_they_are_counted_out(write):
    many = ", ".join(f"s{n}: {{workflow: f%d.yaml}}" for n in range(10))
    files = {f"f{n}_yaml": MAIN + "steps: {" + many.replace("%d", str(n + 1)) + "}" for n in range(10)}
    folder = write(**files, f10_yaml=MAIN + "steps: {a: {value: 1 + 1}}")
    assert {code for code, *_ in told(folder, "f0.yaml")} == {"AF104"}


def test_a_thousand_imports_are_a_thousand_imports(write):
    names = [f"l{n}.yaml" for n in range(1_000)]
    folder = write(main_yaml=MAIN + f"imports: [{', '.join(names)}]\nsteps: {{a: {{agent: a7, prompt: Hi}}}}\n")
    for n, name in enumerate(names):
        (folder / name).write_text(f"agentflow: 1\nagents: {{a{n}: {{description: One.}}}}\n")
    assert told(folder) == [*[("AF404", "main.yaml", 3)] * 100, ("AF104", "main.yaml", 3)]


def test_more_files_than_a_workflow_may_have_are_refused(write):
    names = [f"l{n}.yaml" for n in range(MOST_FILES + 1)]
    folder = write(main_yaml=MAIN + f"imports: [{', '.join(names)}]\nsteps: {{a: {{value: 1 + 1}}}}\n")
    for name in names:
        (folder / name).write_text("agentflow: 1\n")
    assert ("AF106", "main.yaml", 3) in told(folder)


def test_the_texts_of_all_files_together_are_bounded(write, monkeypatch):
    monkeypatch.setattr(files, "MOST_CHARACTERS", 100)
    prompts = ", ".join(f"s{n}: {{agent: {{}}, prompt: {{file: p{n}.md}}}}" for n in range(3))
    folder = write(main_yaml=MAIN + f"steps: {{{prompts}}}\n", **{f"p{n}_md": "x" * 45 for n in range(3)})
    assert told(folder) == [("AF106", "main.yaml", 3)]


def test_a_library_that_many_files_import_is_parsed_once(write, monkeypatch):
    folder = write(lib__one_yaml=LIBRARY)
    for n in range(20):
        (folder / f"w{n}.yaml").write_text(USES.format("lib/one.yaml"))
    parsed: list[str] = []
    read = yaml_reader.read
    monkeypatch.setattr(yaml_reader, "read", lambda source, path: parsed.append(path) or read(source, path))
    loading._document.cache_clear()
    for n in range(20):
        assert told(folder, f"w{n}.yaml") == []
    assert sum(path.endswith("one.yaml") for path in parsed) == 1


def test_a_library_that_was_changed_is_read_anew(write):
    folder = write(main_yaml=USES.format("one.yaml"), one_yaml=LIBRARY)
    assert told(folder) == []
    (folder / "one.yaml").write_text(LIBRARY.replace("helper", "other"))
    assert [code for code, *_ in told(folder)] == ["AF404", "AF308"]


def test_a_name_that_an_unreadable_import_might_have_had_is_no_further_problem(write):
    folder = write(main_yaml=USES.format("one.yaml"), one_yaml="agentflow: [")
    assert [(code, file) for code, file, _ in told(folder)] == [("AF102", "one.yaml")]


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
FRONT = "---\nname: a\ndescription: A.\ntools: [Read]\n{}\n---\nBody.\n"


@pytest.mark.parametrize(
    "front",
    [
        LAUGHS,
        "deep: " + "[" * 500 + "]" * 500,
        "deep: " + "{a: " * 500,
        "a: !!python/object/apply:os.system [id]",
        "name: b",
        "color: \x00",
    ],
    ids=["laughs", "deep", "unclosed", "tag", "twice", "nul"],
)  # fmt: skip
def test_front_matter_is_yaml_within_the_bounds_of_every_file(write, front):
    folder = write(main_yaml=MAIN + "steps: {a: {agent: {from: a.md}, prompt: Hi}}\n")
    (folder / "a.md").write_text(FRONT.format(front))
    codes = {code for code, *_ in told(folder)}
    assert codes
    assert codes <= {"AF101", "AF102", "AF103", "AF104", "AF105", "AF106", "AF201"}


def test_a_file_of_another_repository_inside_the_project_wants_a_pin_and_is_held_to_it(write):
    folder = write(
        main_yaml=USES.format("vendor/lib/one.yaml"), vendor__lib__one_yaml=LIBRARY, vendor___git="gitdir: elsewhere"
    )
    (folder / "vendor/_git").rename(folder / "vendor/.git")
    (problem,) = api.check(folder / "main.yaml").diagnostics
    assert problem.code == "AF107"
    pin = problem.hint[problem.hint.index("sha256:") :].rstrip("'}`")
    (folder / "main.yaml").write_text(USES.format(f"{{path: vendor/lib/one.yaml, pin: '{pin}'}}"))
    assert told(folder) == []
    (folder / "vendor/lib/one.yaml").write_text(LIBRARY + "# changed\n")
    assert told(folder) == [("AF107", "main.yaml", 3)]


def test_a_pin_holds_the_files_that_the_pinned_one_names_too(write):
    child = MAIN + "steps: {a: {agent: {}, prompt: {file: p.md}}}"
    folder = write(
        main_yaml=RUNS.format("{path: c/child.yaml, pin: 'sha256:" + "0" * 64 + "'}"),
        c__child_yaml=child,
        c__p_md="Say hi.",
    )
    (problem,) = api.check(folder / "main.yaml").diagnostics
    pin = problem.hint[problem.hint.index("sha256:") :].rstrip("'`")
    assert pin == f"sha256:{api.plan(folder / 'c/child.yaml').digest}"
    (folder / "main.yaml").write_text(RUNS.format(f"{{path: c/child.yaml, pin: '{pin}'}}"))
    assert told(folder) == []
    (folder / "c/p.md").write_text("Say something else.")
    assert told(folder) == [("AF107", "main.yaml", 3)]


def test_a_problem_of_a_file_that_two_steps_run_is_told_once(write):
    folder = write(
        main_yaml=MAIN + "steps: {a: {workflow: c.yaml}, b: {workflow: c.yaml}, c: {workflow: none.yaml}}",
        c_yaml=MAIN + "steps: {a: {value: inputs.x}}",
    )
    assert told(folder) == [("AF302", "c.yaml", 3), ("AF106", "main.yaml", 3)]
