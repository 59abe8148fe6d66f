"""A Workflow becomes a Plan: references resolved, types checked, graphs built, grants compiled. Pure.

In: a checked Source (Workflow, Document and the texts it names). Out: a Plan that the deciders walk, or
diagnostics. Touches nothing.
"""
