"""Programs by what their arguments can make them run."""

import re

from agentflow.guard.shell.listed import listed

OPAQUE = listed("""
    aarch64 abduco at atq batch bpftrace busybox bwrap capsh cgexec choom chpst chronic chroot clisp crontab
    daemonize dbus-run-session dc dtach eatmydata ed elixir emacs emacsclient entr erl ex expect fakeroot
    faketime firejail ftp gdb ghci gnuplot groovy guile hyperfine i386 i486 i586 i686 iex ip irb jjs jrunscript
    jshell ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 ld-linux.so.2 ld.so less lftp linux32 linux64 lldb
    logrotate ltrace m4 man maxima more mosh multitime mutt mysql nano nc ncat netcat nmap nsenter numactl nvim
    octave open osascript parallel perf pkexec ppc ppc32 ppc64 prlimit proxychains proxychains4 pry psql rclone
    rlogin rlwrap rsh run-parts runuser rvim s390 sbcl scala screen script scriptreplay setarch setpriv
    setuidgid sftp socat softlimit sparc sqlite3 ssh ssh-agent sshpass stap start-stop-daemon strace su swipl
    systemd-run tclsh telnet tftp time-limit tmux torsocks toybox tsocks uname26 unbuffer unshare
    update-alternatives valgrind vi view vim vimdiff vipe watch wish x86_64 xdg-open xterm xvfb-run
    """)
"""Programs that run what their arguments, their input or a file say, in ways that are not looked into."""

SHELLS = listed("bash sh dash")
OTHER_SHELLS = listed("ash zsh ksh ksh93 mksh fish csh tcsh rbash pwsh rc es nu elvish xonsh")
AWKS = listed("awk gawk mawk nawk original-awk")
INTERPRETERS = re.compile(
    r"(?:python|pypy|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|Rscript|R|julia|tsx|ts-node)[\d.]*", re.ASCII
)

RISKY: dict[str, tuple[str, tuple[str, ...]]] = {
    "ack": ("", ("pager", "ackrc")),
    "ag": ("", ("pager",)),
    "apt": ("oc", ("option", "config-file")),
    "apt-get": ("oc", ("option", "config-file")),
    "bat": ("", ("pager", "config-file")),
    "batcat": ("", ("pager",)),
    "cargo": ("", ("config",)),
    "clang": ("B", ("specs", "fplugin", "load", "plugin", "wrapper")),
    "c++": ("B", ("specs", "fplugin", "plugin", "wrapper")),
    "cc": ("B", ("specs", "fplugin", "plugin", "wrapper")),
    "cmake": ("EPC", ("build",)),
    "cpio": ("", ("rsh-command",)),
    "ctags": ("", ("options",)),
    "curl": ("K", ("config",)),
    "dpkg": ("", ("pre-invoke", "post-invoke", "status-logger", "admindir")),
    "fd": ("xX", ("exec", "exec-batch")),
    "fdfind": ("xX", ("exec", "exec-batch")),
    "gcc": ("B", ("specs", "fplugin", "plugin", "wrapper")),
    "g++": ("B", ("specs", "fplugin", "plugin", "wrapper")),
    "go": ("", ("exec", "toolexec")),
    "gpg": ("", ("photo-viewer", "options", "agent-program", "dirmngr-program", "gpgconf")),
    "hg": ("", ("config", "config-file", "ssh", "remotecmd", "tool")),
    "install": ("", ("strip-program",)),
    "npm": ("c", ("call", "script-shell", "node-options", "shell", "git", "editor", "viewer")),
    "npx": ("c", ("call", "script-shell", "node-options", "shell")),
    "pnpm": ("c", ("call", "script-shell", "node-options", "shell-mode")),
    "prove": ("e", ("exec", "rc", "source")),
    "rg": ("", ("pre", "hostname-bin")),
    "rsync": ("eM", ("rsh", "rsync-path", "early-exec", "remote-option")),
    "scp": ("SoFD", ()),
    "split": ("", ("filter",)),
    "ssh-keygen": ("Dw", ()),
    "svn": ("", ("config-option", "config-dir", "diff-cmd", "diff3-cmd", "editor-cmd", "merge-cmd")),
    "tcpdump": ("z", ()),
    "wget": ("e", ("use-askpass", "execute", "config")),
    "zip": ("T", ("unzip-command", "test")),
}
"""Programs, and the letters and names of those of their options that run a program or read a file of options."""

PLAIN = listed("""
    : [ ack ag alias arch b2sum base32 base64 basename bat batcat black break builtin cal cat cc cd chgrp chmod
    chown cksum clang clear cmp column comm continue cp cpio csplit curl cut date dd declare df diff dig dir
    dircolors dirname dirs dpkg du echo egrep eslint exit expand export expr factor false fd fdfind fgrep file
    flake8 fmt fold free g++ gcc getconf getopts git go gpg grep groups gunzip gzip hadolint hash head help
    hexdump host hostid hostname iconv id info install isort jobs join jq kill killall last ldd let link ln
    local locale locate logname ls lscpu lsof md5sum mkdir mkfifo mknod mktemp mv mypy nl nproc nslookup od
    paste pathchk pgrep ping pip pip3 pkill popd pr prettier printenv printf ps pushd pwd pylint pytest read
    readlink readonly realpath return rg rm rmdir rsync ruff rustc rustfmt scp sed seq set sha1sum sha224sum
    sha256sum sha384sum sha512sum shasum shellcheck shift shopt shred shuf sleep sort split stat strings stty
    sum svn sync tac tail tar tcpdump tee test touch tr tree true truncate tsc tsort tty type typeset ulimit
    umask uname unexpand uniq unlink unset unzip uptime users vdir wait wc wget whereis which who whoami xxd xz
    yes yq zcat zip
    """)
"""Programs, and commands of Bash, that run none of the words that they are given."""
