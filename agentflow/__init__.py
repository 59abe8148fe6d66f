"""Declarative agent workflows on the Claude API: checked before they run, durable while they do."""
