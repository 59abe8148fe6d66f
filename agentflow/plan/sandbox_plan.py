"""What a workflow grants to the commands that it runs."""

from msgspec import Struct


class SandboxPlan(Struct, frozen=True):
    """What commands may reach. Without any grant: they read the project, and write nowhere but a private `/tmp`.

    Attributes:
        network: hosts, as `x.org` or `*.x.org`, in the form of `plan/hosts.py`.
        write: paths relative to the project, `.` for all of it; never absolute, never with `..`.
        read: paths that may be read beside the project; absolute, or below the home as `~/…`.
        is_off: the file says `sandbox: off`, and commands run as the user would run them.
    """

    network: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    is_off: bool = False
