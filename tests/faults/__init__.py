"""Breaks a streamed reply with two tool calls at every byte, in every way, and counts what was done or lost by it.

`python -m tests.faults [--step N] [--kinds KIND…]`. The real client, HTTP, engine, journal and tools; each point is a
run of its own whose first reply is broken once. Out: a table of figures, and exit code 1 if one of them is not what it
must be. Touches: a temporary folder, and a port of this machine.
"""
