"""Secrets are searched for in everything that is written, after a run in which everything says them."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import apsw
import pytest

from tests.acceptance.cli_process import Cli, Ended, environment, run_id
from tests.acceptance.spill import WAYS
from tests.messages_api.process import MessagesProcess

VALUES = {
    "SECRET_PLAIN": "sesame-opens-the-door-42",
    "SECRET_ODD": "s3cr3t/'va+lue\" &<x>€-9Zq~{}[]$(w)",
    "SECRET_URL": "postgres://app:pA55w0rd-for-db@db.internal.example:5432/app?sslmode=require",
    "SECRET_JSON": '{"type": "service", "id": "k-00918273", "pin": "4411-2290-7781"}',
    "SECRET_KEY": "-----BEGIN PRIVATE KEY-----\n"
    + "\n".join(
        ["MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSk", "AgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4Ha2", "bMS0v8QwEr1tYk="]
    )
    + "\n-----END PRIVATE KEY-----",
    "SECRET_HEX": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "SECRET_LONG": "Zq" + "0123456789-abcdefghijklmnopqrstuvwxyz_" * 5 + "qZ",
    "SECRET_UMLAUT": "Grüße-an-alle-Schlüssel",
}
OPERATORS = {"ANTHROPIC_API_KEY": "operators-own-api-key-77182", "DATABASE_URL": "mysql://root:operators-db-pass@db/x"}

ENV = "\n".join(f'      {name}: "{{{{ secrets.{name} }}}}"' for name in VALUES)
FLOW = f"""agentflow: 1
name: everywhere
sandbox: "off"
secrets: [{", ".join(VALUES)}]
env:
{ENV.replace("      ", "  ")}
tools:
  look: {{description: Looks., run: [python3, spill.py, often], effects: none}}
  fetch: {{description: Fetches., call: "lib:fetch", effects: none}}
agents:
  worker:
    instructions: Work.
    tools: [look, fetch, Bash, Read, Write, Grep]
    context: {{strategy: none}}
steps:
  spill: {{run: [python3, spill.py], effects: none}}
  json:
    run: [python3, -c, "import json, os; print(json.dumps(dict(os.environ)))"]
    parse: json
    effects: none
  lines: {{run: "python3 spill.py | cat", parse: lines, effects: none}}
  names:
    run: mkdir -p made && cd made && touch "x$SECRET_HEX" "$SECRET_PLAIN" && ls && ls "nowhere-$SECRET_PLAIN"
    effects: none
    on_error: continue
    if_skipped: none
  fails: {{run: "python3 spill.py; exit 3", effects: none, on_error: continue, if_skipped: none}}
  raises: {{call: "lib:raises", effects: none, on_error: continue, if_skipped: none}}
  gives: {{call: "lib:gives", effects: none}}
  agent: {{agent: worker, prompt: "It said: {{{{ steps.spill.output }}}}", on_error: continue, if_skipped: none}}
  refused: {{agent: {{instructions: Be refused.}}, prompt: "Refuse.", on_error: continue, if_skipped: none}}
  agree:
    needs: [agent, refused, names, fails, raises]
    join: done
    approve: "Go on with {{{{ steps.json.output.SECRET_PLAIN }}}}?"
    show: "{{{{ steps.lines.output }}}} {{{{ steps.gives.output }}}}"
  last: {{needs: [agree], run: "python3 spill.py >&2; exit 1", effects: none}}
outputs: {{spill: steps.spill.output, agent: steps.agent.output, gives: steps.gives.output}}
"""
LIB = """
import os, sys

VALUES = {name: value for name, value in os.environ.items() if name.startswith("SECRET_")}

def raises():
    print(VALUES, file=sys.stderr)
    raise ValueError(f"refused for {VALUES}")

def gives():
    return {value: [value, {"inner": value.encode().hex()}] for value in VALUES.values()}

def fetch(what: str):
    raise LookupError(f"no {what} with {list(VALUES.values())}")
"""
SCRIPT = """
import json, os
from tests.messages_api import Fault, Reply, text, thinking, tool_use, turn_of

VALUES = {values!r}
CALLS = [
    [tool_use("look"), tool_use("fetch", {{"what": VALUES[0]}})],
    [tool_use("Bash", {{"command": "python3 spill.py slowly", "run_in_background": True}})],
    [tool_use("TaskOutput", {{"task_id": "TASK", "timeout": 40}})],
    [tool_use("TaskOutput", {{"task_id": "TASK", "timeout": 60}})],
    [tool_use("TaskOutput", {{"task_id": "TASK", "timeout": 20000}})],
    [tool_use("Read", {{"file_path": "noted.txt"}})],
    [tool_use("Grep", {{"pattern": "sesame", "output_mode": "content"}})],
    [tool_use("Bash", {{"command": "echo " + VALUES[0] + "; python3 spill.py; cat /proc/$PPID/environ; exit 4"}})],
    [tool_use("Write", {{"file_path": "out.txt", "content": VALUES[0]}})],
]

def script(request):
    system = json.dumps(request.get("system", ""))
    if "refused" in system:
        message = "bad request: " + " ".join(VALUES)
        return Reply([text("never")], faults=[Fault("bad_request", message=message)])
    turn = turn_of(request)
    said = json.dumps(request["messages"])
    if turn < len(CALLS):
        task = said.partition("task_id` ")[2].partition(" ")[0].strip()
        calls = json.loads(json.dumps(CALLS[turn]).replace("TASK", task or "none"))
        return Reply([thinking("I think of " + VALUES[0]), text("So I say " + " and ".join(VALUES)), *calls])
    return Reply([text("In the end: " + " ".join(VALUES))])
"""


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".git").mkdir()
    (project / "flow.yaml").write_text(FLOW)
    (project / "lib.py").write_text(LIB)
    (project / "spill.py").write_text(Path(__file__).with_name("spill.py").read_text())
    (project / "noted.txt").write_text("\n".join(VALUES.values()))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(values=list(VALUES.values())))
    with MessagesProcess(script, log=tmp_path / "requests.jsonl") as server:
        yield Cli(project, {**environment(tmp_path, server.base_url), **VALUES, **OPERATORS})


HOLDS_THEM_ITSELF = {"noted.txt", "made"}


def written(folder: Path, said: Mapping[str, Ended]) -> dict[str, bytes]:
    """Everything that was written, by its name: files, rows of databases, and what was said."""
    found: dict[str, bytes] = {}
    for name, ended in said.items():
        found[f"{name}: stdout"], found[f"{name}: stderr"] = ended.out.encode(), ended.err.encode()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in HOLDS_THEM_ITSELF:
            found[str(name)] = str(name).encode() + b"\n" + path.read_bytes()
            if path.suffix == ".db":
                found[f"{name}: rows"] = b"\n".join(rows(path))
    return found


def rows(path: Path) -> Iterator[bytes]:
    """The values of every row: a page's end may cut one in two in the file."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    for (table,) in list(connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                yield value if isinstance(value, bytes) else str(value).encode()
    connection.close()


def needles(value: str) -> set[bytes]:
    """What must be nowhere: the value in every way, and twelve letters in a row of it, or of what it is in base64 and
    hexadecimal. It is made without what finds them."""
    whole = {write(value).encode() for write in WAYS.values()}
    lines = [line for line in value.splitlines() if not line.startswith("-----")]
    texts = [text for line in lines for text in (line, line[::-1], line.encode().hex())]
    for line in lines:
        for shift in range(3):
            core = base64.b64encode(b"\0" * shift + line.encode())[4:-4]
            texts.append(core.decode())
    windows = {text[at : at + 12].encode() for text in texts for at in range(len(text) - 11)}
    return whole | windows | {json.dumps(one.decode())[1:-1].encode() for one in windows}


def test_after_a_run_in_which_everything_says_them_no_secret_is_in_anything_that_was_written(cli: Cli):
    options = ("--debug", "--log-format", "json", "--log-file", "run.log", "--stream", "--record", "calls.jsonl")
    said = {"run": cli("run", "flow.yaml", *options)}
    assert said["run"].code == 4, said["run"].err[-3_000:]
    run = run_id(said["run"].err)
    said["approve"] = cli("approve", run, "agree", "--debug", "--log-file", "approve.log", "--output-format", "json")
    assert said["approve"].code == 1
    for name, arguments in {
        "show": ("show", run),
        "events": ("show", run, "--events", "--output-format", "json"),
        "sessions": ("sessions", run, "--output-format", "json"),
        "session": ("session", run, "agent.1"),
        "html": ("report", run, "--format", "html", "-o", "report.html"),
        "markdown": ("report", run, "--format", "md", "--full", "-o", "report.md"),
        "json": ("report", run, "--format", "json", "-o", "report.json"),
        "runs": ("runs", "--output-format", "json"),
        "plan": ("plan", "flow.yaml", "--output-format", "json"),
    }.items():
        said[name] = cli(*arguments)
    everything = written(cli.folder, said)

    # What was said was heard, and is there without them; else nothing would have been searched.
    events = said["events"].out
    for name in VALUES:
        assert f"[secret {name}]" in events, name
    for place in (
        "report.html",
        "report.md",
        "report.json",
        "run.log",
        "calls.jsonl",
        "run: stderr",
        ".agentflow/journal.db",
    ):
        assert len(everything[place]) > 500, (place, list(everything))
    assert any(name.startswith(".agentflow/results/") for name in everything)
    assert "bad request" in events
    requests = [line for line in (cli.folder.parent / "requests.jsonl").read_text().splitlines() if "messages" in line]
    assert len(requests) > 8

    asked = "\n".join(json.dumps(json.loads(line).get("body", {}).get("messages", [])) for line in requests).encode()
    everything["what the model was sent"] = asked
    searched = {name: needles(value) for name, value in {**VALUES, **OPERATORS}.items()}
    found = [
        (name, place, needle[:60], content[max(0, content.find(needle) - 60) : content.find(needle) + 60])
        for place, content in everything.items()
        for name, forms in searched.items()
        for needle in forms
        if needle in content
    ]
    assert found == []
    size, forms = sum(map(len, everything.values())), sum(map(len, searched.values()))
    print(f"searched {len(everything)} texts of {size:,} bytes for {len(searched)} values in {forms:,} forms")
    assert size > 1_000_000
    assert forms > 1_000
