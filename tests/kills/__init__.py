"""Kills a run at every boundary of its journal, resumes it, and counts what was lost or done twice.

`python -m tests.kills [--points N] [--seed S]`. In: `project/`, a workflow with subagents, parallel tools, effects and
gates, and the replies in `script.py`. Out: a table of figures, and exit code 1 if one of them is not what it must be.
Touches: a temporary folder, and processes that it starts.
"""
