"""Which variables change what programs do."""

import pytest

from agentflow.guard.shell.names import is_harmless, is_powerful, is_special

_POWERFUL = (
    "PATH IFS LD_PRELOAD BASH_ENV ENV PS4 PROMPT_COMMAND GIT_SSH_COMMAND GIT_PAGER PAGER LESSOPEN EDITOR PYTHONPATH "
    "NODE_OPTIONS PERL5LIB RUBYOPT JAVA_TOOL_OPTIONS TAR_OPTIONS RSYNC_RSH MAKEFLAGS CC HOME ZIPOPT GCC_EXEC_PREFIX "
    "HG ANT_ARGS ZDOTDIR SVN_SSH CVS_RSH PYTEST_ADDOPTS PYTEST_PLUGINS CMAKE_C_COMPILER_LAUNCHER RCLONE_CONFIG"
)


@pytest.mark.parametrize("name", _POWERFUL.split(" "))
def test_names_that_programs_execute_are_powerful(name: str):
    assert is_powerful(name)
    assert not is_harmless(name)


@pytest.mark.parametrize("name", ["LC_ALL", "TZ", "NODE_ENV", "CI", "NO_COLOR"])
def test_names_of_looks_and_language_are_harmless(name: str):
    assert is_harmless(name)
    assert not is_powerful(name)


@pytest.mark.parametrize("name", ["x", "count", "FILE", "API_URL", "PATHS"])
def test_other_names_are_neither(name: str):
    assert not is_harmless(name)
    assert not is_powerful(name)


@pytest.mark.parametrize("name", ["SRC", "TEXT", "FILE_PATH", "OPTS", "MANIFEST", "x"])
def test_names_that_scripts_use_for_themselves_are_not_special(name: str):
    assert not is_special(name)


@pytest.mark.parametrize("name", ["PATH", "IFS", "BASH_ENV", "LD_PRELOAD", "GIT_PAGER", "PAGER"])
def test_names_that_the_shell_heeds_or_hands_on_are_special(name: str):
    assert is_special(name)
