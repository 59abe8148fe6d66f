"""Memory: what has happened, in streams of events, and who may write it.

In: events, under a lease. Out: the same events, verified; runs, gates and spend as rows. Touches: one database.
"""
