"""Puts bounds on itself that nothing can take off again, and then is the command.

Run by its path as `python -I -S`: standard library only, and nothing of it is imported once the bounds are there. Its
argument is a descriptor of JSON: `user` (user and group to become, or null), `rules` (path and rights of each),
`handled`, `limits`, `filters` (programs for seccomp, in base64), `env` and `argv`. Whatever cannot be put in force ends
it with exit code 125, before the command has begun.

Sources: landlock(7), linux/landlock.h; seccomp(2); prctl(2); capset(2).
"""

import base64
import ctypes
import errno
import json
import os
import resource
import signal
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT = 38, 22, 24, 47
_PR_CAP_AMBIENT_CLEAR_ALL, _SECCOMP_MODE_FILTER, _PR_SET_DUMPABLE = 4, 2, 4
_FILE_RIGHTS = 0b1100000000000111  # those that a rule for what is no folder may have
_READ = 0b1100  # files and folders
_MOST_CAPABILITIES = 64


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.c_char_p)]


_libc = ctypes.CDLL(None, use_errno=True)


def _call(what: str, result: int) -> int:
    """Raises OSError where the kernel refused."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def _prctl(what: str, option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:4]]
    _call(what, _libc.prctl(ctypes.c_int(option), *padded))


def become(user: list[int] | None) -> None:
    """Is another user from here on, for good."""
    if user is not None:
        for capability in range(_MOST_CAPABILITIES):
            _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)  # not all of the numbers exist
        os.setgroups([])
        os.setresgid(user[1], user[1], user[1])
        os.setresuid(user[0], user[0], user[0])
    if os.getuid() == 0:
        raise OSError(0, "commands would run as root")


def limit(limits: dict[str, int]) -> None:
    """Sets the limits of the kernel; processes count for the user, so what runs already is added to theirs."""
    for name, most in limits.items():
        number = getattr(resource, name)
        wanted = most + _running() if name == "RLIMIT_NPROC" else most
        _, hard = resource.getrlimit(number)
        kept = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(number, (kept, kept))


def _running() -> int:
    """How many threads this user has."""
    found, own = 0, os.getuid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat("/proc/" + name).st_uid == own:
                    found += len(os.listdir("/proc/" + name + "/task"))
            except OSError:
                continue  # it has ended meanwhile
    return found


def drop_rights() -> None:
    """No capability is left, and none comes back by executing anything."""
    _prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1)
    _prctl("capabilities", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _call("capset", _libc.syscall(ctypes.c_long(_CAPSET[os.uname().machine]), header, nothing))


def confine(handled: dict[str, int], rules: list[tuple[str, int]]) -> None:
    """From here on only what the rules name can be opened, and nothing outside be signalled or connected to."""
    attributes = _Ruleset(handled["fs"], handled["net"], handled["scoped"])
    # Of /proc no more: what is said there of the machine's network and processes is nobody's business.
    own = [(f"/proc/{os.getpid()}/{name}", _READ) for name in ("status", "limits", "fd")]
    ruleset = _call("landlock", _libc.syscall(
        ctypes.c_long(_CREATE_RULESET), ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)), 0
    ))  # fmt: skip
    for path, rights in [*rules, *own]:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
        if os.readlink(f"/proc/self/fd/{parent}") != path:
            raise OSError(0, f"{path} leads elsewhere by now")
        if not os.path.isdir(f"/proc/self/fd/{parent}"):
            rights &= _FILE_RIGHTS
        rule = _PathBeneath(rights, parent)
        _call("landlock: " + path, _libc.syscall(
            ctypes.c_long(_ADD_RULE), ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), 0
        ))  # fmt: skip
        os.close(parent)
    _call("landlock", _libc.syscall(ctypes.c_long(_RESTRICT_SELF), ctypes.c_int(ruleset), 0))
    os.close(ruleset)


def close(descriptor: int) -> None:
    """Closes what was inherited by whatever oversight; the listing itself had one, which is gone by now."""
    try:
        os.close(descriptor)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise


def filter_calls(programs: list[str]) -> None:
    """From here on system calls are filtered."""
    for program in programs:
        code = base64.b64decode(program)
        given = _Program(len(code) // 8, code)
        _call("seccomp", _libc.prctl(
            ctypes.c_int(_PR_SET_SECCOMP), ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(given), 0, 0
        ))  # fmt: skip


def execute(argv: list[bytes], env: dict[bytes, bytes]) -> int:
    """Is the command; where that cannot be, the error's number. Searched for as execvp(3) does."""
    error = errno.ENOENT
    folders = [b""] if b"/" in argv[0] else env.get(b"PATH", b"").split(b":")
    for folder in folders:
        try:
            os.execve(folder + b"/" + argv[0] if folder else argv[0], argv, env)
        except OSError as found:
            if found.errno not in (errno.ENOENT, errno.ENOTDIR):
                error = found.errno or errno.EACCES
    return error


def main() -> None:
    """Bounds itself, then is the command."""
    try:
        with open(int(sys.argv[1]), encoding="utf-8", errors="surrogateescape") as file:
            told = json.load(file)
        for descriptor in [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]:
            close(descriptor)
        argv = [os.fsencode(word) for word in told["argv"]]
        env = {os.fsencode(name): os.fsencode(value) for name, value in told["env"].items()}
        become(told["user"])
        limit(told["limits"])
        drop_rights()
        confine(told["handled"], told["rules"])
        # Python ignores these two, and what it ignores the command would ignore.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        filter_calls(told["filters"])
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"agentflow: the sandbox cannot be made: {error}\n")
        sys.exit(125)
    problem = execute(argv, env)
    sys.stderr.write(f"agentflow: {os.fsdecode(argv[0])}: {os.strerror(problem)}\n")
    sys.exit(127 if problem == errno.ENOENT else 126)


if __name__ == "__main__":
    main()
