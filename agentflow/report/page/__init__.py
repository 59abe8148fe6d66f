"""A whole run on one page: for a browser, for a comment, for programs.

In come the events of a run and its plan; out goes one JSON object, and that object as HTML or Markdown. It touches
nothing: who calls it reads the journal and writes the file.
"""
