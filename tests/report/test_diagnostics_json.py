import json

from agentflow import api
from agentflow.report import diagnostics_json

GOOD = b"agentflow: 1\nname: good\nsteps:\n  one: {value: 1 + 1}\n"
WARNED = GOOD.replace(b"steps:", b"inputs: {unused: {type: string}}\nsteps:")


def test_the_form_is_the_one_that_is_documented():
    checks = [api.check("good.yaml", GOOD), api.check("warned.yaml", WARNED), api.check("torn.yaml", b"agentflow: [")]
    files = json.loads(diagnostics_json.render(checks))["files"]
    assert [(file["path"], file["ok"], len(file["diagnostics"])) for file in files] == [
        ("good.yaml", True, 0),
        ("warned.yaml", True, 1),
        ("torn.yaml", False, 1),
    ]
    assert [list(file) for file in files] == [["path", "ok", "diagnostics"]] * 3
    assert files[1]["diagnostics"] == [
        {
            "path": "warned.yaml",
            "line": 3,
            "column": 10,
            "width": 6,
            "severity": "warning",
            "code": "AF404",
            "message": "input `unused` is used by nothing",
            "hint": "use it, or take it away",
        }
    ]


def test_what_a_file_holds_is_written_in_ascii():
    checked = api.check("w\u202e.yaml", GOOD.replace(b"one:", "\u202eone:".encode()))
    assert not checked.ok
    assert diagnostics_json.render([checked]).isascii()
