"""`agentflow init`: a first workflow, small and complete, to run and to change."""

import json
import os
import re
import shlex
from importlib import resources
from pathlib import Path

import click

from agentflow.cli import exits
from agentflow.errors import UsageError

_DEFAULT_NAME = "first"
_ENDINGS = (".yaml", ".yml")
_BESIDE = (".replies.yaml", ".test.yaml")
"""What stands beside a workflow, by the endings of their names."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# YAML reads these as something else than text.
_NO_TEXT = frozenset({"true", "false", "null"})


@click.command(short_help="Write a first workflow.")
@click.argument("target", default=".", metavar="[FOLDER|FILE]")
@click.option("--name", help="What the workflow is called; default: as its file is, or `first` in a folder.")
def init(target: str, name: str | None) -> int:
    """Write a first workflow, and beside it the replies with which it runs without a key, and its test.

    FOLDER is where they go; FILE, which ends in .yaml, is the workflow itself. No file that exists is touched.
    """
    workflow, name = _where(target, name)
    texts = {workflow: _template(".yaml", name, workflow.name)}
    for ending in _BESIDE:
        texts[workflow.with_name(workflow.stem + ending)] = _template(ending, name, workflow.name)
    _write(texts)
    click.echo(_told(list(texts)), nl=False)
    return exits.DONE


def _where(target: str, name: str | None) -> tuple[Path, str]:
    """Returns the workflow's file and name."""
    if name is not None and _NAME.fullmatch(name) is None:
        hint = f"a name is letters, digits, `_` and `-`, as `{_called(name)}`"
        raise UsageError(f"a workflow cannot be called '{name}'", hint)
    path = Path(target)
    if path.is_dir() or path.suffix not in _ENDINGS:
        name = name or _DEFAULT_NAME
        return path / f"{name}.yaml", name
    if path.name.endswith(_BESIDE):
        raise UsageError(f"'{target}' is no name for a workflow", f"name the workflow, as `{_before(path)}.yaml`")
    return path, name or _called(path.stem)


def _before(path: Path) -> str:
    return path.name.partition(".")[0] or _DEFAULT_NAME


def _called(text: str) -> str:
    """Returns a name made from a text."""
    words = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")
    return words if _NAME.fullmatch(words) else f"_{words}" if words else _DEFAULT_NAME


def _template(ending: str, name: str, workflow: str) -> str:
    """Returns the text of a file beside, or of, the workflow in the file `workflow`."""
    text = (resources.files("agentflow.cli") / "first_workflow" / f"first{ending}").read_text(encoding="utf-8")
    written = json.dumps(name) if name.lower() in _NO_TEXT else name
    text = text.replace("name: first\n", f"name: {written}\n")
    return text.replace('workflow: "first.yaml"', f"workflow: {json.dumps(workflow, ensure_ascii=False)}")


def _write(texts: dict[Path, str]) -> None:
    """Writes every file or none; one that is there already is never touched."""
    for path in texts:
        if os.path.lexists(path):
            raise UsageError(f"'{path}' is already there", "give another file or folder, or another --name")
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        where = error.filename or path
        raise UsageError(f"'{where}' cannot be written: {error.strerror}", "give another file or folder") from None


def _told(paths: list[Path]) -> str:
    workflow, replies, test = (shlex.quote(str(path)) for path in paths)
    *others, last = (str(path) for path in paths)
    return (
        f"wrote {', '.join(others)} and {last}\n"
        "\n"
        f"  agentflow validate {workflow}\n"
        f"  agentflow run {workflow} --scripted {replies}\n"
        f"  agentflow run {workflow} -i topic='your own'        # with ANTHROPIC_API_KEY\n"
        f"  agentflow test {test}\n"
        "\n"
        "An editor completes and explains every key after `agentflow schema > workflow.schema.json`, where the file\n"
        "begins with the line `# yaml-language-server: $schema=workflow.schema.json`.\n"
    )
