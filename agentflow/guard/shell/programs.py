"""Programs by what their arguments can make them run."""

import re

from agentflow.guard.shell.listed import listed

OPAQUE = listed("""
    aarch64 abduco agetty ansible ansible-playbook arp-scan aspell at atq bashbug batch bpftool bpftrace
    bubblewrap busctl busybox bwrap capistrano capsh cgexec chokidar choom chpst chronic chroot
    clickhouse-client clisp cowsay cowthink cpulimit crash crictl crontab crun csvtool cu daemonize
    dbus-run-session dc dialog dmsetup dosbox dtach dumpcap dvips eatmydata ed elinks elixir emacs emacsclient
    entr eqn erl ex exiftool expect fab fakechroot fakeroot faketime fetchmail firejail fswatch ftp gcore gdb
    gdbserver ghci gimp ginsh gnuplot grc groff groovy gtester guile gview gvim helix hping3 hx hyperfine i386
    i486 i586 i686 iex incrond info ip irb ispell isql jed jjs joe jrunscript jshell kak kexec
    ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 ld-linux.so.2 ld.so less lftp links linux32 linux64 lldb login
    logrotate logsave ltrace lxc lxc-attach lxc-execute lynx m4 machinectl mail mailx man maxima micro minicom
    mongo mongosh more mosh msgexec msgfilter multitime mutt mysql nano nc ncat ncftp nedit nerdctl netcat
    newgrp nmap nmcli nodemon nq nroff nsenter nsjail numactl nvim octave onchange open openvpn osascript
    osqueryi parallel perf perlbug pexec pg pic pico pidstat pinfo pkexec ppc ppc32 ppc64 prlimit procmail proot
    proxychains proxychains4 pry psftp psql pueue puppet rclone redis-cli reflex restic rlogin rlwrap rpm
    rpmbuild rpmdb rpmquery rpmverify rr rsh run-mailcap run-parts run0 runc runuser rview rvim s-nail s390 salt
    sash sbcl scala schroot screen script scriptreplay sendmail service setarch setpriv setuidgid sftp sg slsh
    smbclient socat softlimit sparc sqlite3 sqlplus ssh ssh-agent sshfs sshpass stap start-stop-daemon startx
    strace su swipl systemd-inhibit systemd-nspawn systemd-run task-spooler tasksh tbl tclsh tdbtool telnet tftp
    time-limit tmate tmux torify torsocks toybox troff ts tshark tsocks udevadm uftrace uname26 unbuffer unshare
    update-alternatives uucp valgrind varnishncsa vi view vim vimdiff vimtutor vipe w3m watch watchexec whiptail
    wireshark wish wpa_cli x86_64 xdg-open xdg-user-dir xdotool xinit xterm xvfb-run yash zathura zenity zic
    zsoelim
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
    "pip": ("", ("editor",)),
    "pip3": ("", ("editor",)),
    "pnpm": ("c", ("call", "script-shell", "node-options", "shell-mode")),
    "prove": ("e", ("exec", "rc", "source")),
    "rg": ("", ("pre", "hostname-bin")),
    "rsync": ("eM", ("rsh", "rsync-path", "early-exec", "remote-option")),
    "scp": ("SoFD", ()),
    "split": ("", ("filter",)),
    "ssh-keygen": ("Dw", ()),
    "svn": ("", ("config-option", "config-dir", "diff-cmd", "diff3-cmd", "editor-cmd", "merge-cmd")),
    "systemctl": ("HM", ("host", "machine")),
    "loginctl": ("HM", ("host", "machine")),
    "tcpdump": ("z", ()),
    "wget": ("e", ("use-askpass", "execute", "config")),
    "zip": ("T", ("unzip-command", "test")),
}
"""Programs, and the letters and names of those of their options that run a program or read a file of options."""
RISKY.update(
    dict.fromkeys(
        listed("latex pdflatex lualatex luatex xelatex xetex pdftex tex"),
        ("", ("shell-escape", "enable-write18", "enable-pipes")),
    )
)

PLAIN = listed("""
    : [ ack ag alias arch b2sum base32 base64 basename bat batcat black break builtin cal cat cc cd chgrp chmod
    chown cksum clang clear cmp column comm continue cp cpio csplit curl cut date dd declare df diff dig dir
    dircolors dirname dirs dpkg du echo egrep eslint exit expand export expr factor false fd fdfind fgrep file
    flake8 fmt fold free g++ gcc getconf getopts git go gpg grep groups gunzip gzip hadolint hash head help
    hexdump host hostid hostname iconv id install isort jobs join jq kill killall last ldd let link ln local
    locale locate logname ls lscpu lsof md5sum mkdir mkfifo mknod mktemp mv mypy nl nproc nslookup od paste
    pathchk pgrep ping pkill popd pr prettier printenv printf ps pushd pwd pylint pytest read readlink readonly
    realpath return rg rm rmdir rsync ruff rustc rustfmt scp sed seq set sha1sum sha224sum sha256sum sha384sum
    sha512sum shasum shellcheck shift shopt shred shuf sleep sort split stat strings stty sum svn sync tac tail
    tar tcpdump tee test touch tr tree true truncate tsc tsort tty type typeset ulimit umask uname unexpand uniq
    unlink unset unzip uptime users vdir wait wc wget whereis which who whoami xxd xz yes yq zcat zip
    """)
"""Programs, and commands of Bash, that run none of the words that they are given."""
