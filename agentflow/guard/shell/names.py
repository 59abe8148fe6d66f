"""Names of variables: which ones change what programs do."""

import re

from agentflow.guard.shell.listed import listed

_HARMLESS = listed("""
    CI CLICOLOR CLICOLOR_FORCE COLUMNS DEBUG FORCE_COLOR LANG LANGUAGE LINES NODE_ENV NO_COLOR
    PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONIOENCODING PYTHONUNBUFFERED PYTHONUTF8 RUST_BACKTRACE RUST_LOG TERM
    TZ VERBOSE""")
_HARMLESS_PREFIXES = ("LC_",)

_POWERFUL = re.compile(
    r"""PATH|IFS|ENV|HOME|SHELL|CDPATH|PS[0-4]|OPT(?:IND|ARG|ERR)|POSIXLY_CORRECT|EXECIGNORE|FIGNORE|GLOB\w*|HIST\w*
    |BASH\w*|SHELLOPTS|PROMPT_\w+|TMOUT|FUNCNEST|FUNCNAME|DIRSTACK|PIPESTATUS|REPLY|HOSTFILE|INPUTRC|MAIL\w*|TMPDIR|COMP_\w+
    |COMPREPLY|READLINE_\w+|auto_resume|histchars|TIMEFORMAT|PWD|OLDPWD
    |\w*(?:PAGER|EDITOR|BROWSER|ASKPASS|PRELOAD|_COMMAND|_SHELL|_PATH|PATH_INFO|_OPTIONS|OPTS?|_DEFAULTS|_CONFIG\w*|RC|CONF|_RSH|WRAPPER|LAUNCHER|_PROGRAM|_BIN|_CMD|_EXEC\w*|HOOKS?|_DRIVER|FLAGS|_HOME|_PROXY|_proxy|LIBPATH)
    |VISUAL|UNZIP|ZIP\w*|GZIP|BZIP2?|XZ_\w+|ZSTD_\w+|FZF_\w+|PG\w+|PSQL\w*|MYSQL\w*
    |CMAKE_\w+|HG\w+|SVN_\w+|CVS\w*|DENO_\w+|BUN_\w+|ELECTRON_\w+|SYSTEMD_\w+
    |LD_\w+|DYLD_\w+|GLIBC_\w+|GCONV_PATH|MALLOC_\w+|NLSPATH|LOCPATH|RES_OPTIONS|HOSTALIASES
    |GIT_\w+|SSH_\w+|PYTHON\w+|PERL\w*|RUBY\w*|GEM_\w+|BUNDLE_\w+|NODE_\w+|NPM_\w+|npm_\w+|YARN_\w+|JAVA_\w+|JDK_\w+|_JAVA_\w+|MAVEN_\w+|GRADLE_\w+
    |CLASSPATH|LUA_\w+|PHP\w*|R_\w+|TCL\w*|AWK\w*|LESS\w*|MAN\w*|TERMINFO\w*|TERMCAP|TAR_\w+|RSYNC_\w+|GREP_\w+|MAKE\w*|MFLAGS|GNUMAKEFLAGS
    |CC|CXX|CPP|LD|AR|AS|CARGO\w*|RUST\w+|GO\w*|CGO_\w+|DOCKER_\w+|KUBE\w*|AWS_\w+|XDG_\w+|DBUS_\w+|DISPLAY|EXINIT|VIM\w*|MYVIMRC|GVIMINIT|VIMINIT
    |PIP_\w+|VIRTUAL_ENV|CONDA_\w+|PROJ_\w+|OPENSSL_\w+|SSL_\w+|CURL_\w+|WGETRC|GNUPGHOME|ANTHROPIC_\w+|AGENTFLOW_\w+""",
    re.ASCII | re.VERBOSE,
)

NUMBERS = listed("RANDOM SRANDOM SECONDS LINENO EPOCHSECONDS UID EUID PPID BASHPID SHLVL BASH_SUBSHELL")
"""Names that Bash itself gives whole numbers, whatever they are given."""


def is_harmless(name: str) -> bool:
    """Whether a program given this variable does the same things as without, for all that is known."""
    return name in _HARMLESS or name.startswith(_HARMLESS_PREFIXES)


def is_powerful(name: str) -> bool:
    """Whether a shell, or a program it starts, may run or load something else for this variable's value."""
    return not is_harmless(name) and _POWERFUL.fullmatch(name) is not None
