"""Text becomes a Document.

In: the bytes of a workflow file and of the files it names. Out: plain data in which every value and key
knows its place, and diagnostics. Touches: files of the project, read only.
"""
