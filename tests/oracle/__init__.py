"""The oracle of the Bash parser: what a command really did, against what the parser said it would do.

Each command is run by a real bash in bubblewrap, under a tracer that needs neither root nor `strace`; what was
executed, what the shell opened for writing and each simple command that it ran (builtins and functions too, words as
expanded) is compared with `agentflow.guard.bash.read_script`, and with what `decide_bash` says of it. A command that
the parser calls undecidable owes nothing, and is counted; anything that a decided one did unseen is a miss.

`python -m tests.oracle [--seed N] [--count N] [--only TOPIC]`, or `make oracle`.
"""
