"""Readers of events: the console, plain lines, JSON; diagnostics as text, JSON, SARIF and annotations; explanations.

In: events with their streams, diagnostics, results, codes. Out: text and plain data. Touches nothing but the terminal
it is handed (`console.py`), and reads the package's own `explanations/`; whatever a model, tool or file said goes
through `inert.py` before it is shown.
"""
