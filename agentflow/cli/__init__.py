"""The command line: arguments in, `api.py` underneath, results on standard output, everything else on standard error.

In: the arguments, the terminal, signals. Out: text or JSON, and an exit code of `exits.py`. Touches the terminal,
the files it is given, and through `api.py` what a run touches. The one door to click. What a command needs is
imported inside it: `--help` and `validate` answer at once.
"""
