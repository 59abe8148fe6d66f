"""What a file grants to its commands: in one form, checked, and never more than the file that runs it."""

import pytest

from agentflow.plan.sandbox_plan import SandboxPlan, wider

STEPS = "steps: {a: {run: [ls]}}\n"


def test_without_the_key_nothing_is_granted(planned):
    assert planned(STEPS).sandbox == SandboxPlan()
    assert planned(f"sandbox: {{}}\n{STEPS}").sandbox == SandboxPlan()


def test_off_is_told_apart_from_no_grants(planned):
    plan = planned(f"sandbox: off\n{STEPS}")
    assert plan.sandbox.is_off
    assert plan.sandbox_off


def test_grants_are_kept_in_one_form_and_once(planned):
    text = "sandbox: {network: [x.org, x.org], write: [./out/, out, a//b], read: [/opt/data/, ~/.cargo/bin]}\n"
    assert planned(text + STEPS).sandbox == SandboxPlan(("x.org",), ("out", "a/b"), ("/opt/data", "~/.cargo/bin"))


@pytest.mark.parametrize(
    ("grant", "says"),
    [
        ("write: ['']", "is empty"),
        ("write: [/tmp]", "outside the project"),
        ("write: [~/x]", "outside the project"),
        ("write: [../x]", "leaves the project"),
        ("write: [a/../../x]", "leaves the project"),
        ("write: ['out/*']", "is a pattern"),
        ("write: ['{{ inputs.x }}']", "is a pattern"),
        ("write: [.git]", "no command may change it"),
        ("write: [.git/hooks]", "no command may change it"),
        ("write: [.GIT]", "no command may change it"),
        ("write: [lib/.agentflow]", "no command may change it"),
        ("read: [docs]", "can be read already"),
        ("read: [/]", "far more"),
        ("read: ['~']", "is relative"),
        ("read: ['~root/x']", "is relative"),
        ("read: ['~/']", "far more"),
        ("read: ['~/../x']", "goes up"),
        ("read: [/opt/../etc]", "goes up"),
        ('read: ["/a\\u0007"]', "cannot be shown"),
        ("network: ['https://x.org']", "no host"),
        ("network: [localhost]", "private networks"),
        ("network: [127.0.0.1]", "address"),
        ("network: ['*']", "`*` stands alone"),
    ],
)
def test_what_cannot_be_granted_is_told_with_its_place(compiled, grant, says):
    _, problems = compiled(f"sandbox: {{{grant}}}\n{STEPS}")
    (found,) = problems
    assert (found.code, found.place.line) == ("AF541", 3)
    assert says in found.message
    assert found.hint


@pytest.mark.parametrize(
    ("child", "parent", "what"),
    [
        (SandboxPlan(), SandboxPlan(), []),
        (SandboxPlan(is_off=True), SandboxPlan(is_off=True), []),
        (SandboxPlan(write=(".",)), SandboxPlan(is_off=True), []),
        (SandboxPlan(is_off=True), SandboxPlan(write=(".",)), [("sandbox", "off")]),
        (SandboxPlan(write=("out/a",)), SandboxPlan(write=("out",)), []),
        (SandboxPlan(write=("outer",)), SandboxPlan(write=("out",)), [("write", "outer")]),
        (SandboxPlan(write=(".",)), SandboxPlan(write=("out",)), [("write", ".")]),
        (SandboxPlan(write=("out",)), SandboxPlan(write=(".",)), []),
        (SandboxPlan(read=("/opt/a",)), SandboxPlan(read=("/opt",)), []),
        (SandboxPlan(read=("/opt",)), SandboxPlan(read=("/opt/a",)), [("read", "/opt")]),
        (SandboxPlan(("x.org",)), SandboxPlan(("x.org",)), []),
        (SandboxPlan(("a.x.org",)), SandboxPlan(("*.x.org",)), []),
        (SandboxPlan(("*.a.x.org",)), SandboxPlan(("*.x.org",)), []),
        (SandboxPlan(("x.org",)), SandboxPlan(("*.x.org",)), [("network", "x.org")]),
        (SandboxPlan(("*.x.org",)), SandboxPlan(("a.x.org",)), [("network", "*.x.org")]),
        (SandboxPlan(("evilx.org",)), SandboxPlan(("*.x.org",)), [("network", "evilx.org")]),
        (SandboxPlan(("x.org:8443",)), SandboxPlan(("x.org",)), [("network", "x.org:8443")]),
    ],
)
def test_a_file_that_runs_as_a_step_grants_no_more_than_the_one_that_runs_it(child, parent, what):
    assert list(wider(child, parent)) == what
