"""Readers of events: the console, plain lines, JSON; and diagnostics as text.

In: events with their streams, diagnostics, results. Out: text and plain data. Touches nothing but the terminal it is
handed (`console.py`); whatever a model, tool or file said goes through `inert.py` before it is shown.
"""
