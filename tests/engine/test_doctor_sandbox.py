import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agentflow.engine.doctor import Finding
from agentflow.engine.doctor_sandbox import Trial, chosen, namespaces, sandbox_findings
from agentflow.tools.sandbox import choice
from agentflow.tools.sandbox.landlock import Landlock, landlock_abi, landlock_problem
from agentflow.tools.sandbox.port import Bounds, Start
from tests.tools.sandbox.namespaces import needs_namespaces

USER = 54_321
has_landlock = pytest.mark.skipif(landlock_problem(landlock_abi()) is not None, reason="there is no Landlock here")


@pytest.fixture
def project() -> Iterator[Path]:
    """A project of a user other than root."""
    folder = Path(tempfile.mkdtemp(prefix="agentflow-test-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)
    yield folder
    shutil.rmtree(folder)


def looked(project: Path) -> dict[str, Finding]:
    return {one.name: one for one in sandbox_findings(project)}


@needs_namespaces
def test_the_sandbox_that_is_named_has_held_what_was_tried_in_it(project):
    found = looked(project)
    assert found["sandbox"].status == "ok"
    assert "holds" in found["sandbox"].found
    assert found["bubblewrap"].status == "ok"
    assert "/bwrap" in found["bubblewrap"].found
    assert (found["namespaces"].status, found["namespaces"].hint) == ("ok", None)
    assert list(project.iterdir()) == []


@has_landlock
def test_where_there_is_no_bubblewrap_landlock_holds_and_says_what_it_lacks(project, monkeypatch):
    monkeypatch.setattr(choice, "_programs", lambda _project: iter(()))
    found = looked(project)
    assert found["sandbox"].status == "warn"
    assert "holds, without namespaces: files that grant hosts are refused" in found["sandbox"].found
    assert (found["bubblewrap"].status, found["bubblewrap"].found) == ("warn", "not found")
    assert "apt install bubblewrap" in str(found["bubblewrap"].hint)
    assert found["landlock"].status == "ok"


def test_where_nothing_holds_commands_are_refused_and_each_warning_has_a_next_move(project, monkeypatch):
    monkeypatch.setattr(choice, "_programs", lambda _project: iter(()))
    monkeypatch.setattr(choice, "landlock_abi", lambda: 0)
    found = looked(project)
    assert found["sandbox"].status == "warn"
    assert "none holds, so commands are refused" in found["sandbox"].found
    assert "sandbox: off" in str(found["sandbox"].hint)
    assert all(one.hint for one in found.values() if one.status != "ok")


def test_on_another_system_commands_are_refused(project, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    (found,) = sandbox_findings(project)
    assert (found.name, found.status) == ("sandbox", "warn")
    assert found.found == "there is none for macOS: commands are refused"
    assert "sandbox: off" in str(found.hint)


class Leaky(Landlock):
    """A sandbox that holds nothing back."""

    @property
    def name(self) -> str:
        return "leaky 1.0"

    def start_of(self, command, bounds: Bounds, gateway) -> Start:
        return Start(command.argv, {"PATH": os.defpath, **command.env}, command.cwd)


def test_a_sandbox_that_does_not_hold_is_told_with_what_was_possible_and_not_used(project, monkeypatch):
    monkeypatch.setattr("agentflow.engine.doctor_sandbox.candidates", lambda _project: iter([Leaky(7)]))
    found = looked(project)
    assert found["sandbox"].status == "warn"
    assert "leaky 1.0 does not hold: a command could read a file outside the project" in found["sandbox"].found
    assert "signal the process that started it" in found["sandbox"].found


def test_the_first_that_holds_is_the_one():
    bad, good = Trial(Leaky(7), "it leaks", None), Trial(Landlock(7), "", None)
    assert chosen([bad, good]).found.startswith("Landlock (ABI 7) holds")
    assert chosen([bad]).found == "none holds, so commands are refused: it leaks"


MACHINES: Mapping[str, tuple[dict[str, str], str, str]] = {
    "Ubuntu": (
        {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
        "AppArmor keeps programs without a profile",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    "Debian of old": (
        {"/proc/sys/kernel/unprivileged_userns_clone": "0"},
        "kernel.unprivileged_userns_clone is 0",
        "kernel.unprivileged_userns_clone=1",
    ),
    "RHEL 7": ({"/proc/sys/user/max_user_namespaces": "0"}, "switched off", "user.max_user_namespaces="),
    "a container": ({"/.dockerenv": ""}, "this is a container", "--security-opt seccomp=unconfined"),
    "Podman": ({"/run/.containerenv": ""}, "this is a container", "outside of it"),
    "gVisor": (
        {"/proc/version": "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016", "/.dockerenv": ""},
        "gVisor",
        "another runtime",
    ),
    "unknown": ({}, "no setting that is known is in the way", "by hand"),
}


@pytest.mark.parametrize(("files", "said", "hint"), MACHINES.values(), ids=MACHINES)
def test_what_is_in_the_way_of_namespaces_is_named_with_how_to_get_it_out(files, said, hint):
    found = namespaces(files.get, [Trial(Leaky(7), "it made none", None)])
    assert (found.status, said in found.found, hint in str(found.hint)) == ("warn", True, True)


def test_where_nothing_could_make_namespaces_the_machine_is_not_blamed():
    found = namespaces({"/.dockerenv": ""}.get, [])
    assert (found.status, found.found) == ("warn", "not tried: without bubblewrap there is nothing that makes any")
    assert "install bubblewrap" in str(found.hint)
    forbidden = namespaces({"/proc/sys/user/max_user_namespaces": "0"}.get, [])
    assert "switched off" in forbidden.found
