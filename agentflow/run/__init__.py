"""The run decider: which steps start, are skipped, finish. Pure.

In: a Plan and what has happened to the run. Out: what to do next. Touches nothing.
"""
