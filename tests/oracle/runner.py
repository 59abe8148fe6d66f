"""Starts commands in bubblewrap, one after the other; it and all below it are under the tracer's filter.

Reads packets of JSON from the socket at descriptor `argv[1]`: first the sandbox's argv, then for each script further
options of bubblewrap and the script itself; answers with the listener's descriptor, then for each script with one
packet: a line of JSON, and what bash traced.
"""

import array
import contextlib
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys

from tests.oracle.notify import PR_SET_CHILD_SUBREAPER, install

TRACE = 249
"""Descriptor that bash's xtrace goes to."""
LIMIT_SECONDS = 2.0
PACKET = 160_000
NOBODY = 65_534
_LIMITS = (
    (resource.RLIMIT_FSIZE, 1 << 20),
    (resource.RLIMIT_CPU, 2),
    (resource.RLIMIT_NPROC, 1024),  # of the user, whatever else it runs
    (resource.RLIMIT_CORE, 0),
)


def main() -> None:
    """Serves until the socket is closed."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)  # a script that writes to a descriptor of that number must not reach us
    sandbox = json.loads(control.recv(PACKET))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    for limit, value in _LIMITS:
        with contextlib.suppress(ValueError):  # the hard limit is lower already
            resource.setrlimit(limit, (value, value))
    listener = install()
    control.sendmsg([b"listening"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    os.close(listener)
    nothing = os.open(os.devnull, os.O_RDWR)
    while order := control.recv(PACKET):
        *options, script = json.loads(order)
        control.send(_run([*sandbox[:-3], *options], [*sandbox[-3:], script], nothing))


def _run(sandbox: list[str], command: list[str], nothing: int) -> bytes:
    trace, (told, tells) = os.memfd_create("trace"), os.pipe()
    fcntl.fcntl(trace, fcntl.F_SETFL, os.O_APPEND)  # without it two shells that write at once overwrite each other
    tells_at = TRACE - 1
    pid = os.posix_spawn(
        sandbox[0],
        [*sandbox, "--info-fd", str(tells_at), *command],
        {},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, nothing, 0),
            (os.POSIX_SPAWN_DUP2, nothing, 1),
            (os.POSIX_SPAWN_DUP2, nothing, 2),
            (os.POSIX_SPAWN_DUP2, trace, TRACE),
            (os.POSIX_SPAWN_DUP2, tells, tells_at),
        ],
    )
    os.close(tells)
    with os.fdopen(told, "rb") as info:
        inside = json.loads(info.read() or b"{}").get("child-pid")
    late = inside is not None and _wait_for_all(inside)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:  # the sandbox's first process, now an orphan
            pass
    header = json.dumps({"status": os.waitstatus_to_exitcode(status), "late": late, "started": inside is not None})
    with os.fdopen(trace, "rb") as written:
        written.seek(0)
        return header.encode() + b"\n" + written.read()[: PACKET - 1000]


def _wait_for_all(inside: int) -> bool:
    """Waits until the sandbox's first process, and with it everything in the sandbox, is gone; ends it when late."""
    try:
        handle = os.pidfd_open(inside)
    except ProcessLookupError:
        return False
    late = not select.select([handle], [], [], LIMIT_SECONDS)[0]
    if late:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])
    os.close(handle)
    return late


if __name__ == "__main__":
    main()
