"""Names of variables: which ones change what programs do."""

import re

from agentflow.guard.shell.listed import listed

_HARMLESS = listed("""
    CI CLICOLOR CLICOLOR_FORCE COLUMNS DEBUG FORCE_COLOR LANG LANGUAGE LINES NODE_ENV NO_COLOR
    PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONIOENCODING PYTHONUNBUFFERED PYTHONUTF8 RUST_BACKTRACE RUST_LOG TERM
    TZ VERBOSE""")
_HARMLESS_PREFIXES = ("LC_",)

_SPECIAL = re.compile(
    r"""PATH|IFS|ENV|HOME|SHELL|CDPATH|PS[0-4]|OPT(?:IND|ARG|ERR)|POSIXLY_CORRECT|EXECIGNORE|FIGNORE|GLOBIGNORE|HIST\w*
    |BASH\w*|SHELLOPTS|PROMPT_\w+|TMOUT|FUNCNEST|FUNCNAME|DIRSTACK|PIPESTATUS|HOSTFILE|INPUTRC|COMP_\w+
    |COMPREPLY|READLINE_\w+|auto_resume|histchars|PWD|OLDPWD
    |\w*(?:PAGER|EDITOR|BROWSER|ASKPASS|PRELOAD|_OPTIONS|FLAGS|_PROXY|_proxy)
    |VISUAL|LD_\w+|DYLD_\w+|GLIBC_\w+|GCONV_PATH|MALLOC_\w+|NLSPATH|LOCPATH
    |GIT_\w+|SSH_\w+|PYTHON\w+|PERL\w*|RUBY\w*|NODE_\w+|NPM_\w+|npm_\w+|JAVA_\w+|CLASSPATH|LESS\w*|MANPATH|XDG_\w+|DBUS_\w+|DISPLAY
    |CC|CXX|LD|CARGO_\w+|RUST\w+|GO(?:PATH|ROOT|BIN|ENV)|DOCKER_\w+|KUBECONFIG|AWS_\w+|PIP_\w+|VIRTUAL_ENV|ANTHROPIC_\w+|AGENTFLOW_\w+""",
    re.ASCII | re.VERBOSE,
)
"""Names that the shell itself heeds, or that its environment is likely to hold and so hands on."""

_POWERFUL = re.compile(
    r"""MAIL\w*|TMPDIR|TIMEFORMAT
    |\w*(?:PAGER|EDITOR|BROWSER|ASKPASS|PRELOAD|_COMMAND|_SHELL|_PATH|PATH_INFO|_OPTIONS|OPTS?|_DEFAULTS|_CONFIG\w*|RC|CONF|_RSH|WRAPPER|LAUNCHER|_PROGRAM|_BIN|_CMD|_EXEC\w*|HOOKS?|_DRIVER|FLAGS|_HOME|_PROXY|_proxy|LIBPATH)
    |VISUAL|UNZIP|ZIP\w*|GZIP|BZIP2?|XZ_\w+|ZSTD_\w+|FZF_\w+|PG\w+|PSQL\w*|MYSQL\w*
    |CMAKE_\w+|HG\w*|SVN_\w+|CVS\w*|DENO_\w+|BUN_\w+|ELECTRON_\w+|SYSTEMD_\w+
    |LD_\w+|DYLD_\w+|GLIBC_\w+|GCONV_PATH|MALLOC_\w+|NLSPATH|LOCPATH|RES_OPTIONS|HOSTALIASES
    |GIT_\w+|SSH_\w+|PYTHON\w+|PERL\w*|RUBY\w*|GEM_\w+|BUNDLE_\w+|NODE_\w+|NPM_\w+|npm_\w+|YARN_\w+|JAVA_\w+|JDK_\w+|_JAVA_\w+|MAVEN_\w+|GRADLE_\w+
    |CLASSPATH|LUA_\w+|PHP\w*|R_\w+|TCL\w*|AWK\w*|LESS\w*|MAN\w*|TERMINFO\w*|TERMCAP|TAR_\w+|RSYNC_\w+|GREP_\w+|MAKE\w*|MFLAGS|GNUMAKEFLAGS
    |CC|CXX|CPP|LD|AR|AS|CARGO\w*|RUST\w+|GO\w*|CGO_\w+|DOCKER_\w+|KUBE\w*|AWS_\w+|XDG_\w+|DBUS_\w+|DISPLAY|EXINIT|VIM\w*|MYVIMRC|GVIMINIT|VIMINIT
    |PIP_\w+|VIRTUAL_ENV|CONDA_\w+|PROJ_\w+|OPENSSL_\w+|SSL_\w+|CURL_\w+|WGETRC|GNUPGHOME|ANTHROPIC_\w+|AGENTFLOW_\w+
    |CCACHE_\w+|GCC_\w+|COMPILER_\w+|PKG_\w+|ZDOTDIR|FPATH|EMACS\w*|SCREEN\w*|TMUX\w*|BORG_\w+|RCLONE_\w+|ANSIBLE_\w+|TF_\w+|PYTEST_\w+
    |COVERAGE_\w+|MYPY\w+|PYLINT\w*|TOX_\w+|UV_\w+|APT_\w+|DPKG_\w+|BC_\w+|GTK_\w+|QT_\w+|TEX\w*|shell_escape|openout_any|GS_\w+
    |HARNESS_\w+|ANT_\w+|AUTO\w+|ACLOCAL\w*|M4\w*|TS_\w+|JEST_\w+|SYSTEM_\w+|SSLKEYLOGFILE|SQLITE_\w+|NETRC|\w*_COMPILER\w*|\w*_PLUGINS?
    |RIPGREP_\w+|ACK_\w+|ACKRC|BAT_\w+|GDB\w*|OPENCV_\w+|VAGRANT_\w+|COMPOSER_\w+|ESLINT\w*|BABEL_\w+|VITE_\w+|NEXT_\w+|WEBPACK_\w+""",
    re.ASCII | re.VERBOSE,
)

NUMBERS = listed("RANDOM SRANDOM SECONDS LINENO EPOCHSECONDS UID EUID PPID BASHPID SHLVL BASH_SUBSHELL")
"""Names that Bash itself gives whole numbers, whatever they are given."""


def is_harmless(name: str) -> bool:
    """Whether a program given this variable does the same things as without, for all that is known."""
    return name in _HARMLESS or name.startswith(_HARMLESS_PREFIXES)


def is_special(name: str) -> bool:
    """Whether a value given to this variable, but not handed on by that, may change what commands do."""
    return not is_harmless(name) and _SPECIAL.fullmatch(name) is not None


def is_powerful(name: str) -> bool:
    """Whether a shell, or a program it starts, may run or load something else for this variable's value."""
    return not is_harmless(name) and (is_special(name) or _POWERFUL.fullmatch(name) is not None)
