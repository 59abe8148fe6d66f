"""The session decider: one agent's conversation. Pure.

In: an agent's plan and what has happened to its session. Out: what to do next, and the request that is sent to the
model. Touches nothing.
"""
