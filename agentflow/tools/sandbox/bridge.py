"""Leads from a sandbox's own loopback to the proxy; then it becomes the command.

Run inside the sandbox, as the text of `python -I -S -c` and by whatever Python is there: standard library only, nothing
newer than 3.8. It listens on the loopback of the sandbox's network namespace, hands the *listening socket* to the proxy
outside (SCM_RIGHTS), and then executes the command in its own place. A socket belongs to the namespace that it was made
in, whoever accepts from it; so nothing stays behind in the sandbox that could be killed, fed or replaced: no process,
no descriptor, and no Unix socket, none of which a sandbox need allow.

Arguments: the number of a descriptor that leads to the proxy, the port, and the command with its arguments. Exit code
125 where there is no way out.
"""

# Without the modules around these two the start takes half as long, and there is one for each command.
import _signal  # type: ignore[import-not-found]
import _socket
import os
import struct
import sys

_SECONDS = 10


def hand_over(descriptor: int, port: int) -> None:
    """Listens on loopback and gives what listens to the proxy. Raises OSError where either cannot be."""
    listening = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", port))
    listening.listen(128)
    proxy = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, descriptor)
    proxy.settimeout(_SECONDS)
    descriptors = struct.pack("i", listening.fileno())
    proxy.sendmsg([b"L"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
    if proxy.recv(1) != b"+":
        raise OSError("the proxy does not take it")
    proxy.close()
    listening.close()


def main() -> None:
    """Hands over, then is the command."""
    descriptor, port, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    try:
        hand_over(descriptor, port)
        # Python ignores these two, and what it ignores the command would ignore.
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
        _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
    except OSError as error:
        sys.stderr.write("agentflow: no network in the sandbox: %s\n" % error)  # noqa: UP031 - old Pythons run it
        sys.exit(125)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write("agentflow: %s: %s\n" % (command[0], os.strerror(error.errno or 0)))  # noqa: UP031
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


if __name__ == "__main__":
    main()
