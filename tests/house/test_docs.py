"""Every example of the documents is tried: workflows are checked, commands run and what they print compared."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentflow import api
from agentflow.plan.policies import read_policy
from agentflow.simulation.suite import load_suite
from agentflow.spec.closed_files import read_closed
from agentflow.spec.endpoint_file import read_endpoint_file
from agentflow.spec.stubs import StubsFile
from tests.house.checkout import PATIENCE, ROOT, copy_to, shell

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    # The parts of docs/language/ stand in docs/language.md.
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md") if ROOT / "docs/language" not in p.parents),
]

_FENCE = re.compile(
    r"(?:^<!-- file: (?P<name>[\w./-]+)(?P<wrong>, with (?:errors|a warning))? -->\n\n)?"
    r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_RUN_ID = r"\d{8}-\d{6}-[0-9a-f]{4}"
_VARIES = (
    ("…", r"[^\n]*"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?", r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"),
    (r"(?<![\w.])\d+\.\d+s(?!\w)", r"\d+(?:\.\d+)?(?:s|m ?\d+s)"),
    (r"(?<=at\": )\d+\.\d+", r"\d+\.\d+"),
    (r"(?<=seconds\": )\d+\.\d+", r"\d+\.\d+"),
    (r" {2,}", r" +"),
)
"""What one run says differently from the next, as written in a document, and as it may be."""


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block of a document.

    Attributes:
        name: the file that the reader is to put it in.
        wrong: it is there to show what `validate` says of it.
    """

    kind: str
    body: str
    line: int
    name: str | None
    wrong: bool


def examples(document: str) -> Iterator[Example]:
    text = (ROOT / document).read_text()
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("body"))
        yield Example(match["kind"], match["body"], line, match["name"], match["wrong"] is not None)


@dataclass(slots=True)
class Reader:
    """Somebody who follows a document from top to bottom.

    Attributes:
        runs: the ids in the document, and those of the runs they stand for here.
    """

    folder: Path
    runs: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0

    def follow(self, example: Example) -> None:
        if example.name is not None:
            path = self.folder / example.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.body)
        if example.kind == "yaml":
            self._check(example)
        elif example.kind == "console":
            for command, shown in commands(example.body):
                self._type(command, shown)
        elif example.kind == "python":
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", example.body],
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
            assert done.returncode == 0, done.stderr
        else:
            assert example.kind in ("sh", "text"), f"line {example.line}: nothing tries a block of `{example.kind}`"

    def _check(self, example: Example) -> None:
        if example.name is not None and example.name.endswith(".replies.yaml"):
            api.scripted(self.folder / example.name)
            return
        if example.name is not None and example.name.endswith("endpoint.yaml"):
            read_endpoint_file(example.body.encode(), example.name)
            return
        if example.name is not None and example.name.endswith(".test.yaml"):
            assert load_suite(self.folder / example.name).diagnostics == (), f"line {example.line}"
            return
        if example.name is not None and example.name.endswith(".stubs.yaml"):
            assert read_closed(StubsFile, example.body, example.name)[1] == [], f"line {example.line}"
            return
        if example.name == "policy.yaml":
            assert read_policy(example.body.encode(), example.name)[1] == [], f"line {example.line}"
            return
        checked = api.check(self.folder / (example.name or "example.yaml"), example.body.encode(), or_library=True)
        if example.wrong:
            assert checked.diagnostics, f"line {example.line}"
        else:
            assert not checked.diagnostics, f"line {example.line}"

    def _type(self, command: str, shown: str) -> None:
        for there, here in self.runs.items():
            command = command.replace(there, here)
        done = shell(self.folder, command, self.exit_code)
        self.exit_code = done.returncode if not command.startswith("echo ") else self.exit_code
        pattern, ids = pattern_of(shown, self.runs)
        found = re.fullmatch(pattern, plain(done.stdout))
        assert found, f"$ {command}\n--- as documented\n{shown}\n--- as it is\n{done.stdout}"
        self.runs.update(zip(ids, found.groups(), strict=True))


def commands(body: str) -> Iterator[tuple[str, str]]:
    """The lines to type, and what is then shown."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def plain(text: str) -> str:
    """The lines, each with its end, without white space that nobody sees."""
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def pattern_of(shown: str, known: dict[str, str]) -> tuple[str, list[str]]:
    """A pattern of what may be shown, and the ids of runs that its groups will give."""
    ids: list[str] = []
    pattern = ""
    for line in plain(shown).splitlines():
        pattern += r"(?:[^\n]*\n)*?" if line == "…" else _line(line, known, ids) + r"\n"
    return pattern, ids


def _line(line: str, known: dict[str, str], ids: list[str]) -> str:
    varies = "|".join([rf"(?P<id>{_RUN_ID})", *(f"(?P<v{n}>{seen})" for n, (seen, _) in enumerate(_VARIES))])
    made, at = "", 0
    for match in re.finditer(varies, line):
        made += re.escape(line[at : match.start()])
        at = match.end()
        if match["id"] is not None and match["id"] in known:
            made += re.escape(known[match["id"]])
        elif match["id"] is not None and match["id"] in ids:
            made += rf"\{ids.index(match['id']) + 1}"
        elif match["id"] is not None:
            ids.append(match["id"])
            made += f"({_RUN_ID})"
        else:
            made += next(may for n, (_, may) in enumerate(_VARIES) if match[f"v{n}"] is not None)
    return made + re.escape(line[at:])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_examples_do_what_the_document_says(document: str, tmp_path: Path):
    reader = Reader(copy_to(tmp_path))
    for example in examples(document):
        reader.follow(example)


def test_the_comparison_sees_what_differs_and_overlooks_what_must():
    shown = "run 20260101-101010-abcd took 0.1s\n…\nend of 20260101-101010-abcd\n"
    pattern, ids = pattern_of(shown, {})
    found = re.fullmatch(pattern, "run 20271231-000000-0001 took 12.5s\na\nb\nend of 20271231-000000-0001\n")
    assert found is not None
    assert (ids, found.groups()) == (["20260101-101010-abcd"], ("20271231-000000-0001",))
    assert not re.fullmatch(pattern, "run 20271231-000000-0001 took 12.5s\nend of 20271231-000000-0002\n")
    assert not re.fullmatch(pattern, "run 20271231-000000-0001 took 12.5s\n")
    assert not re.fullmatch(pattern_of("done, 2 turns\n", {})[0], "done, 3 turns\n")


def test_the_readme_begins_with_the_quickstart_as_it_is():
    first = next(examples("README.md"))
    assert first.kind == "yaml"
    assert first.body == (ROOT / "workflows/quickstart.yaml").read_text()
    assert first.body.count("\n") == 12


def test_links_lead_somewhere():
    broken = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / document).read_text()):
            if "://" not in target and not (ROOT / document).parent.joinpath(target).exists():
                broken.append(f"{document}: {target}")
    assert broken == []
