"""May it? Permissions, budgets, stop conditions: pure decisions on values.

In: grants, limits, what has been spent, what is asked for. Out: a decision and its reason. Touches: nothing.
"""
