"""How much agentflow adds to the model's own time: each figure a ratio to the same work written by hand.

Both sides use the same client, streamed, against the same strict local Messages API, in one run on one machine, in
turn. `python -m benchmarks` runs all; `--help` lists them.
"""
