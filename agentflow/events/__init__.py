"""The words: what can happen to a run and to a session, as frozen values.

In: nothing. Out: event types, the values they carry, and their encoding. Every room above speaks in these.
Touches nothing.
"""
