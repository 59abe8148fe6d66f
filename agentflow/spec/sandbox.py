"""What a file grants to the commands that it runs."""

from pydantic import Field

from agentflow.spec.base import Spec


class SandboxGrants(Spec):
    """What commands may reach beside the project, which they can read, and a private `/tmp`."""

    network: list[str] = Field(
        default_factory=list,
        description="Hosts that may be reached: `x.org`, `*.x.org` for every host below it, `x.org:8443`.",
    )
    write: list[str] = Field(
        default_factory=list,
        description="Folders and files of the project that may be written, as `out`; `.` is all of it. A folder that "
        "is missing is made.",
    )
    read: list[str] = Field(
        default_factory=list,
        description="Folders and files outside the project that may be read, as `/opt/data` or `~/.cargo/bin`.",
    )
