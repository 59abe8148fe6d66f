"""Where text from models, tools and untrusted inputs flows, and where it must not: shells, options, environments,
hosts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from agentflow.plan import syntax
from agentflow.plan.expressions import references
from agentflow.plan.findings import Findings
from agentflow.plan.scopes import Scope, shape_of
from agentflow.plan.secrets import check_alone
from agentflow.plan.syntax import Node
from agentflow.plan.texts import Use
from agentflow.plan.types import is_constrained
from agentflow.source.document import Loc

_EXECUTED_NAMES = frozenset({
    "PATH", "BASH_ENV", "ENV", "SHELL", "SHELLOPTS", "BASHOPTS", "PS4", "IFS", "PROMPT_COMMAND", "CDPATH", "HOME",
    "EDITOR", "VISUAL", "PAGER", "MANPAGER", "LESSOPEN", "LESSCLOSE", "BROWSER", "INPUTRC", "XDG_CONFIG_HOME",
    "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONBREAKPOINT", "PYTHONINSPECT", "NODE_OPTIONS", "NODE_PATH",
    "PERL5OPT", "PERL5LIB", "PERL5DB", "PERLLIB", "RUBYOPT", "RUBYLIB", "CLASSPATH", "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "MAKEFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "CC", "CXX", "LD", "RUSTC",
    "RUSTC_WRAPPER", "RUSTFLAGS", "GOFLAGS", "TAR_OPTIONS", "RSYNC_RSH", "CVS_RSH", "SVN_SSH", "HGRCPATH",
    "GCONV_PATH", "LOCPATH", "OPENSSL_CONF",
})  # fmt: skip
_EXECUTED_PREFIXES = (
    "LD_",
    "DYLD_",
    "GIT_",
    "SSH_",
    "BASH_FUNC_",
    "npm_config_",
    "NPM_CONFIG_",
    "PIP_",
    "UV_",
    "CARGO_",
)

# Of each interpreter, the letters of the options whose argument is code.
_INTERPRETERS = {
    "sh": "c", "bash": "c", "dash": "c", "zsh": "c", "ksh": "c", "fish": "c", "busybox": "c", "su": "c", "psql": "c",
    "python": "c", "node": "ep", "deno": "e", "bun": "e", "perl": "eE", "ruby": "e", "php": "rBE", "lua": "e",
    "Rscript": "e", "osascript": "e", "sed": "e", "pwsh": "cC", "powershell": "cC",
}  # fmt: skip
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VERSION = re.compile(r"[0-9.]+$")
_CODE_OPTIONS = frozenset({"--eval", "--print", "--command", "-Command", "--execute", "--expression"})
# These take the first argument that is no option as code, and those every argument.
_FIRST_IS_CODE = frozenset({"awk", "gawk", "mawk", "sed"})
_ALL_IS_CODE = frozenset({"ssh", "eval", "watch"})
_HOST_BEGINS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_ENDS = re.compile(r"[/?#\\\s]")
# These take a URL, its host included, in an argument of its own.
_FETCHERS = frozenset({"curl", "wget", "http", "https", "xh", "xhs", "aria2c", "lynx", "w3m", "links", "elinks"})
_SAFE_FILTERS = frozenset({"length", "int", "float", "abs", "round", "sum"})
_SAFE_NODES = (syntax.Compare, syntax.Not, syntax.Test, syntax.Literal, syntax.Text, syntax.Arithmetic, syntax.Sign)


def is_tainted(node: Node, scope: Scope, use: Use, bound: Mapping[str, bool] | None = None) -> bool:
    """Whether the value of a node may hold text that the author and trusted people did not write.

    Parameters:
        use: the text that the node is of, checked already.
        bound: of the variables of loops inside the text, whether they may.
    """
    bound = bound or {}
    found = syntax.chain(node)
    if found is not None:
        name, members = found
        if name.name in bound:
            return bound[name.name]
        return _reads_tainted(name, members, scope) and not is_constrained(shape_of(node, scope, use))
    if isinstance(node, _SAFE_NODES):
        return isinstance(node, syntax.Arithmetic) and _any((node.left, node.right), scope, use, bound)
    if isinstance(node, syntax.Filter) and node.name in _SAFE_FILTERS:
        return False
    if isinstance(node, syntax.Choose):
        return _any((node.then, node.otherwise), scope, use, bound)
    if isinstance(node, syntax.If):
        return _any((*node.body, *node.otherwise), scope, use, bound)
    if isinstance(node, syntax.For):
        items = is_tainted(node.items, scope, use, bound)
        inner = {**bound, **dict.fromkeys(node.targets, items), "loop": False}
        return _any(node.body, scope, use, inner) or _any(node.otherwise, scope, use, bound)
    return _any(syntax.parts(node), scope, use, bound)


def _any(nodes: Iterable[Node], scope: Scope, use: Use, bound: Mapping[str, bool]) -> bool:
    return any(is_tainted(node, scope, use, bound) for node in nodes)


def _reads_tainted(name: syntax.Name, members: tuple[syntax.Member, ...], scope: Scope) -> bool:
    if name.name == "steps" and scope.block is not None:
        path = syntax.constant_path(members)
        found = scope.find(str(path[0])) if path else None
        if found is None or len(path) < 2:
            return True
        return (found[1] is None or found[1].tainted) if path[1] == "output" else path[1] in ("error", "errors")
    variable = scope.names.get(name.name)
    if variable is None or variable.tainted_fields is None:
        return variable is None or variable.tainted
    path = syntax.constant_path(members)
    return path[0] in variable.tainted_fields if path else variable.tainted


def use_is_tainted(use: Use, scope: Scope) -> bool:
    """Whether what a text gives may hold such text."""
    return any(is_tainted(tree, scope, use) for tree in use.trees)


def check_script(script: str, loc: Loc, findings: Findings) -> None:
    """A shell string is constant."""
    offset = script.find("{{")
    if offset >= 0:
        _, place = findings.source.text(loc, script)
        hint = "pass the text by `stdin` or `env`, or write `run` as a list of arguments"
        findings.add("AF501", "a shell string takes no `{{ }}`: what is filled in would run", place(offset, 2), hint)


def check_argv(words: Sequence[str], uses: Mapping[int, Use], loc: Loc, scope: Scope, findings: Findings) -> None:
    """A command's name is constant, and no foreign text is read as code or as an option.

    Parameters:
        words: the arguments as written.
        uses: those that could be parsed, by position.
        loc: of the list.
    """
    ended = False
    for index, word in enumerate(words):
        use = uses.get(index)
        if use is None or use.template.constant:
            ended = ended or word == "--"
            continue
        if index == 0:
            findings.at("AF501", "the name of a command is constant", (*loc, 0), "write the command out")
        elif use_is_tainted(use, scope):
            _check_word(words[:index], use, ended, scope, findings)


def _check_word(before: Sequence[str], use: Use, ended: bool, scope: Scope, findings: Findings) -> None:
    offset = next((reference.offset for reference in use.code.references), 0)
    interpreter = _interpreter(before)
    if interpreter is not None:
        hint = "pass the text by `stdin` or `env`"
        findings.add("AF501", f"`{interpreter}` would run this text as code", use.place(offset, 1), hint)
    elif not ended and not _is_attached(use):
        hint = 'put "--" before it, attach it (`--title={{ … }}`), or pass it by `stdin`'
        findings.add("AF502", "text that is not the author's could be read as an option", use.place(offset, 1), hint)
    elif (foreign := foreign_host(use, scope, bare=_fetches(before, use))) is not None:
        hint = "write the host out, and let the text come after a `/`, or choose it from an `enum`"
        message = "text that is not the author's would say which host is called"
        findings.add("AF507", message, use.place(foreign, 1), hint)


def _fetches(before: Sequence[str], use: Use) -> bool:
    """Whether an argument as a whole is the URL that a command fetches."""
    first = use.trees[0]
    return any(PurePosixPath(word).name in _FETCHERS for word in before) and (
        not isinstance(first, syntax.Text) or first.value == "--url="
    )


def foreign_host(use: Use, scope: Scope, *, bare: bool = True) -> int | None:
    """Where in a text foreign text stands in the host of a URL; None where none does.

    Parameters:
        bare: the text as a whole is a URL, its scheme and host included.
    """
    in_host = bare
    for part in use.trees:
        if isinstance(part, syntax.Text):
            begins = [match.end() for match in _HOST_BEGINS.finditer(part.value)]
            held = bool(begins) or in_host
            in_host = held and _HOST_ENDS.search(part.value, begins[-1] if begins else 0) is None
        elif in_host and is_tainted(part, scope, use):
            return next((reference.offset for reference in references((part,))), 0)
    return None


def _is_attached(use: Use) -> bool:
    first = use.trees[0]
    if not isinstance(first, syntax.Text):
        return False
    return not first.value.startswith("-") or "=" in first.value


def _interpreter(before: Sequence[str]) -> str | None:
    """The interpreter among these to which the argument after them is code; None where there is none."""
    options = 0
    while options < len(before) and before[len(before) - 1 - options].startswith("-"):
        options += 1
    last_options = before[len(before) - options :]
    for index, word in enumerate(before):
        name = _VERSION.sub("", PurePosixPath(word).name)
        only_options = index == len(before) - 1 - options
        if name in _ALL_IS_CODE or (name in _FIRST_IS_CODE and only_options):
            return word
        letters = _INTERPRETERS.get(name)
        if letters is not None and any(_takes_code(option, letters) for option in last_options):
            return word
    return None


def _takes_code(option: str, letters: str) -> bool:
    if option.startswith("--"):
        return option in _CODE_OPTIONS
    return option in _CODE_OPTIONS or any(letter in option for letter in letters)


def check_env(name: str, use: Use, scope: Scope, findings: Findings) -> None:
    """No foreign text in a variable that commands execute, and nothing computed from a secret."""
    if not _ENV_NAME.fullmatch(name):
        message = f"`{name}` is no name of an environment variable"
        findings.at("AF205", message, use.loc, "use letters, digits and `_`", key=True)
    check_alone(use, findings)
    risky = name.upper() in _EXECUTED_NAMES or name.startswith(_EXECUTED_PREFIXES)
    if risky and use_is_tainted(use, scope):
        offset = next((reference.offset for reference in use.code.references), 0)
        message = f"commands execute what `{name}` names, and this text is not the author's"
        findings.add("AF503", message, use.place(offset, 1), "pass the text by `stdin` or under another name")
