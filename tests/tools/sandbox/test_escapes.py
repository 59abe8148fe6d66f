"""Escapes that were tried, each a promise: what a command in the sandbox cannot do, whatever it runs.

A script says `ESCAPED` where it got through and `tried` at its end, so that one that did not run at all is no proof.
"""

import os
import socket
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"
NO_PYTHON = not os.access(PYTHON, os.X_OK)


def python(code: str) -> str:
    """A script that runs some Python inside."""
    return f"{PYTHON} -I - <<'END'\n{code}\nEND\necho tried"


READS = {
    "a file beside the project": 'cat "$SECRET" && echo ESCAPED',
    "a file beside the project, by a way up": 'cat ../beside/secret && echo ESCAPED',
    "a file beside the project, through a symbolic link": 'ln -s "$SECRET" out/link; cat out/link && echo ESCAPED',
    "a file beside the project, through a hard link": 'ln "$SECRET" out/link && cat out/link && echo ESCAPED',
    "a file beside the project, through the root of a process": 'cat "/proc/self/root$SECRET" && echo ESCAPED',
    "a file beside the project, through the root of the first process": 'cat "/proc/1/root$SECRET" && echo ESCAPED',
    "a file beside the project, through a working folder": 'cat "/proc/1/cwd$SECRET" /proc/1/cwd/../beside/secret && echo ESCAPED',
    "the machine's passwords": "cat /etc/shadow /etc/gshadow && echo ESCAPED; [ -r /etc/shadow ] && echo ESCAPED",
    "root's home": "ls -A /root 2>/dev/null | grep -q . && echo ESCAPED",
    "homes of users": "find /home -mindepth 2 -type f 2>/dev/null | grep -q . && echo ESCAPED",
    "keys below its own home": 'ls -A "$HOME" | grep -q . && echo ESCAPED; cat ~/.ssh/* ~/.aws/* ~/.netrc && echo ESCAPED',
    "sockets and state of services": "find /run /var/run /var/lib -mindepth 1 2>/dev/null | grep -q . && echo ESCAPED",
    "the journal of runs": "cat .agentflow/journal.db && echo ESCAPED; ls .agentflow | grep -q . && echo ESCAPED",
    "devices of disks": "find /dev -type b | grep -q . && echo ESCAPED; cat /dev/mem /dev/kmem /dev/kmsg && echo ESCAPED",
    "memory of the kernel": "head -c 1 /proc/kcore && echo ESCAPED; head -c 1 /proc/kallsyms | grep -q . && echo ESCAPED",
    "the system's log": "dmesg && echo ESCAPED",
    "environments of other processes": 'for p in /proc/[0-9]*; do tr "\\0" "\\n" <$p/environ | grep -q CANARY_OF_THE_HOST && echo ESCAPED; done',
    "keys of the kernel's keyrings": "keyctl show 2>/dev/null && echo ESCAPED; grep -q . /proc/keys 2>/dev/null && echo ESCAPED",
    "mounts of the machine": "grep -q ' /work\\| /boot' /proc/self/mountinfo && echo ESCAPED",
}  # fmt: skip

WRITES = {
    "beside the project": 'echo x >"$(dirname "$SECRET")/written" && echo ESCAPED',
    "in the project where nothing is granted": "echo x >src/main.py && echo ESCAPED; echo x >new && echo ESCAPED",
    "in system folders": "for d in / /usr /usr/bin /etc /lib /var /home /opt /srv /run /dev; do echo x >$d/x && echo ESCAPED; done",
    "in a granted folder's parent by renaming the granted one": "mv out other && echo ESCAPED; rmdir out && echo ESCAPED",
    "through a symbolic link in a granted folder": "ln -s ../src/main.py out/l; echo x >out/l && echo ESCAPED",
    "through a hard link from a granted folder": "ln src/main.py out/l && echo x >out/l && echo ESCAPED",
    "settings of the kernel": "for f in kernel/core_pattern kernel/modprobe kernel/hostname vm/overcommit_memory fs/suid_dumpable; do echo x >/proc/sys/$f && echo ESCAPED; [ -w /proc/sys/$f ] && echo ESCAPED; done",
    "to the sysrq trigger": "[ -w /proc/sysrq-trigger ] && echo ESCAPED",
    "in /sys": "ls /sys/kernel && echo ESCAPED; echo x >/sys/kernel/uevent_helper && echo ESCAPED",
    "in control groups": "find /sys/fs/cgroup -mindepth 1 | grep -q . && echo ESCAPED",
    "after remounting the project": "mount -o remount,rw,bind . && echo ESCAPED; mount -o remount,rw / && echo ESCAPED",
    "after unmounting what protects": "umount .agentflow && echo ESCAPED; umount -l out && echo ESCAPED",
    "by a new mount": "mount -t tmpfs x out && echo ESCAPED; mount --bind / out && echo ESCAPED",
}  # fmt: skip

POWERS = {
    "make a user namespace": "unshare -U true && echo ESCAPED; unshare -r id && echo ESCAPED",
    "make a mount namespace": "unshare -m true && echo ESCAPED",
    "enter another's namespace": "nsenter -t 1 -m true && echo ESCAPED; nsenter -t 1 -U true && echo ESCAPED",
    "change the root": "chroot . true && echo ESCAPED",
    "make a device": "mknod out/d b 8 0 && echo ESCAPED; mknod out/c c 1 3 && echo ESCAPED",
    "become root by a set-user-ID program": "su -c true </dev/null && echo ESCAPED; sudo -n true && echo ESCAPED; [ \"$(id -u)\" = 0 ] && echo ESCAPED",
    "have rights of root": "grep -E '^Cap(Eff|Prm|Bnd|Inh|Amb)' /proc/self/status | grep -qv 0000000000000000 && echo ESCAPED",
    "gain rights by executing": "grep -q 'NoNewPrivs:.1' /proc/self/status || echo ESCAPED",
    "do without the filter of system calls": "grep -q 'Seccomp:.2' /proc/self/status || echo ESCAPED",
    "leave a set-user-ID program on the host": "cp /bin/sh out/sh; chmod 4755 out/sh && echo ESCAPED; chmod u+s out/sh && echo ESCAPED; install -m 4755 /bin/sh out/sh2 && echo ESCAPED; find out -perm /6000 | grep -q . && echo ESCAPED",
    "see the machine's processes": 'ls -d /proc/[0-9]* | wc -l | { read n; [ "$n" -gt 10 ] && echo ESCAPED; }; [ -e "/proc/$HOST_PID/status" ] && echo ESCAPED',
    "signal the process that started it": 'kill -0 "$HOST_PID" && echo ESCAPED; kill -9 -1; true',
    "use a descriptor of the process that started it": "for f in /proc/self/fd/*; do case ${f##*/} in 0|1|2) ;; *) [ -e $f ] && echo ESCAPED ;; esac; done",
    "set the clock": "date -s 2001-01-01 && echo ESCAPED",
    "name the machine": "hostname other && echo ESCAPED",
    "load a module": "modprobe dummy && echo ESCAPED; insmod x.ko && echo ESCAPED",
    "reach a listener on the machine's loopback": '(exec 3<>/dev/tcp/127.0.0.1/$HOST_PORT) && echo ESCAPED; (exec 3<>/dev/tcp/localhost/$HOST_PORT) && echo ESCAPED',
    "reach an address of the network": "for a in 169.254.169.254 1.1.1.1 10.0.0.1; do timeout 3 bash -c \"exec 3<>/dev/tcp/$a/80\" && echo ESCAPED; done; [ \"$(wc -l </proc/net/route)\" -gt 1 ] && echo ESCAPED",
    "resolve a name": "getent ahosts example.com && echo ESCAPED; (exec 3<>/dev/udp/127.0.0.53/53) && grep -q . /etc/resolv.conf && echo ESCAPED",
    "see the variables of the process that started it": "env | grep -q 'CANARY_OF_THE_HOST\\|SSH_AUTH_SOCK\\|ANTHROPIC' && echo ESCAPED",
    "dump its memory where the machine keeps dumps": 'ulimit -c unlimited && echo ESCAPED; [ "$(ulimit -c)" = 0 ] || echo ESCAPED',
    "raise its own limits": 'for l in n u f d; do ulimit -$l unlimited && echo ESCAPED; done',
}  # fmt: skip

CALLS = {
    "trace a process": "libc.ptrace(16, 1, 0, 0)",
    "read another process's memory": "libc.syscall(310, 1, 0, 0, 0, 0, 0)",
    "use keyrings": "libc.syscall(250, 0, -3, 0)",
    "load BPF programs": "libc.syscall(321, 0, 0, 0)",
    "count events of the machine": "libc.syscall(298, 0, 0, -1, -1, 0)",
    "handle page faults": "libc.syscall(323, 0)",
    "set up an io_uring": "libc.syscall(425, 1, ctypes.create_string_buffer(200))",
    "open a file by its handle": "libc.syscall(304, -100, 0, 0)",
    "make a namespace by clone3": "libc.syscall(435, 0, 0)",
    "make a namespace by clone": "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "use the calls of the x32 ABI": "libc.syscall(0x40000000 + 39)",
    "mount by the new calls": "libc.syscall(428, -100, b'/', 1)",
    "turn off address randomisation": "libc.syscall(135, 0x0040000)",
    "make a file with a set-user-ID bit": "libc.open(b'/tmp/s', 0o101, 0o4755)",
}
SOCKETS = {
    "raw packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "raw internet sockets": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "virtual machine sockets": "socket.socket(40, socket.SOCK_STREAM)",
    "crypto sockets of the kernel": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "audit of the kernel": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)",
    "Unix sockets": "socket.socket(socket.AF_UNIX)",
}


def held(result) -> None:
    assert "tried" in result.stdout, result.stderr
    assert "ESCAPED" not in result.stdout, result.stdout


@pytest.mark.parametrize("script", READS.values(), ids=READS)
async def test_a_command_cannot_read(world, monkeypatch, script):
    monkeypatch.setenv("CANARY_OF_THE_HOST", "1")
    held(await world.run(f"{script}; echo tried"))


@pytest.mark.parametrize("script", WRITES.values(), ids=WRITES)
async def test_a_command_cannot_write(world, script):
    before = world.listed()
    held(await world.run(f"{script}; echo tried"))
    assert (world.project / "src/main.py").read_text() == "print('as it was')\n"
    assert {name for name in world.listed() - before if not name.startswith("out/")} == set()
    assert sorted(os.listdir(world.beside)) == ["secret"]


@pytest.mark.parametrize("script", POWERS.values(), ids=POWERS)
async def test_a_command_cannot(world, monkeypatch, script):
    monkeypatch.setenv("CANARY_OF_THE_HOST", "1")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        told = {"HOST_PORT": str(listening.getsockname()[1]), "HOST_PID": str(os.getpid())}
        held(await world.run(f"{script}; echo tried", env=told))


@pytest.mark.skipif(NO_PYTHON or os.uname().machine != "x86_64", reason="numbers of x86_64, called from Python")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_the_kernel_does_not_let_a_command(world, call):
    held(
        await world.run(
            python(f"import ctypes\nlibc = ctypes.CDLL(None)\nif {call} >= 0:\n    print('ESCAPED')"), write=()
        )
    )


@pytest.mark.skipif(NO_PYTHON, reason="no Python that a sandbox sees")
@pytest.mark.parametrize("call", SOCKETS.values(), ids=SOCKETS)
async def test_a_command_gets_no(world, call):
    code = f"import socket\ntry:\n    {call}\n    print('ESCAPED')\nexcept OSError:\n    pass"
    held(await world.run(python(code)))


@pytest.mark.skipif(NO_PYTHON, reason="no Python that a sandbox sees")
async def test_a_command_cannot_type_into_the_terminal(world):
    code = (
        "import fcntl, os\n"
        "for number in (0x5412, 0x541C):\n"
        "    for path in ('/dev/tty', '/dev/pts/0', 0):\n"
        "        try:\n"
        "            terminal = path if path == 0 else os.open(path, os.O_RDWR)\n"
        "            fcntl.ioctl(terminal, number, b'x')\n"
        "            print('ESCAPED')\n"
        "        except OSError:\n"
        "            pass\n"
    )
    held(await world.run(python(code)))


@pytest.mark.skipif(NO_PYTHON, reason="no Python that a sandbox sees")
async def test_a_command_cannot_type_into_a_terminal_of_its_own(world):
    code = (
        "import errno, fcntl, os\n"
        "_, own = os.openpty()\n"
        "try:\n"
        "    fcntl.ioctl(own, 0x5412, b'x')\n"
        "    print('ESCAPED')\n"
        "except OSError as error:\n"
        "    assert error.errno == errno.EPERM, error\n"
    )
    held(await world.run(python(code)))


async def test_a_socket_of_a_service_that_lies_in_the_project_cannot_be_reached(world, monkeypatch):
    path = world.project / "out/service.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(path.parent)  # the whole path is longer than a socket's may be
        listening.bind("service.sock")
        os.chmod("service.sock", 0o777)
        listening.listen()
        code = (
            "import socket\ntry:\n    socket.socket(socket.AF_UNIX).connect('out/service.sock')\n    print('ESCAPED')\n"
            "except OSError:\n    pass"
        )
        held(await world.run(python(code)))


async def test_an_abstract_socket_of_the_machine_cannot_be_reached(world):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0agentflow-test")
        listening.listen()
        code = (
            "import socket\ntry:\n    socket.socket(socket.AF_UNIX).connect('\\0agentflow-test')\n    print('ESCAPED')\n"
            "except OSError:\n    pass"
        )
        held(await world.run(python(code) + "; grep -q agentflow-test /proc/net/unix && echo ESCAPED"))


async def test_what_a_command_makes_belongs_to_the_owner_of_the_project(world):
    held(await world.run("echo x >out/new; mkdir out/folder; echo tried"))
    owner = os.stat(world.project)
    for name in ("out/new", "out/folder"):
        made = os.stat(world.project / name)
        assert (made.st_uid, made.st_gid) == (owner.st_uid, owner.st_gid)


async def test_a_command_never_runs_as_root_outside_either(world):
    pids = world.beside / "unused"
    script = "cat /proc/self/status | grep ^Uid; sleep 0.3"
    result = await world.run(script)
    assert not pids.exists()
    uids = result.stdout.split()[1:5]
    assert "0" not in uids


def test_the_kernels_settings_are_what_they_were():
    assert Path("/proc/sys/kernel/core_pattern").read_text().strip() != "x"
