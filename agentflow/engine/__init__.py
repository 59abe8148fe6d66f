"""The loop: asks the deciders, performs what they want, records what came of it, bounds what is in flight.

In: a Plan, a journal's lease, a model, tools. Out: the run's outcome, and every event to who wants to hear. Touches:
nothing itself; the world is behind the journal, the model and the tools that it is handed.
"""
