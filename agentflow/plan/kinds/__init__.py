"""What each kind of step is to the compiler: its texts, its output, its plan. One module each, one table.

In: a step of the file. Out: what can be read of it, and its `StepPlan`. Touches nothing but values.
"""
