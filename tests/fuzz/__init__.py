"""Workflow files nobody would write, thrown at `api.check`: a slice in the suite, more by `python -m tests.fuzz`.

`inputs.py` makes them, from the examples and from a grammar; `judge.py` says what must hold for each.
"""
