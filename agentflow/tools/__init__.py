"""The tools: files, shell, the workflow's own commands.

In: a tool's validated input and what the agent was granted. Out: text for the model, or for a step. Touches: files
of the project, processes.
"""
