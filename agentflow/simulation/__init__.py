"""Runs without a world: a checked workflow, stubs or a recording come in; a trace goes out, or what became of tests.

The deciders are the real ones, and so is what the engine does for them; models, commands, people and the clock are not
there. It reads the files it is handed and writes none; nothing is journalled, sent or executed.
"""
