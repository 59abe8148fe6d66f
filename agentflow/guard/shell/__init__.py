"""What a Bash script would do, read without running it.

In: the text of a script. Out: the commands it runs, the files it redirects to and from, and why not all of it is known.
Touches: nothing.
"""
