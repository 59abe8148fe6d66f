"""AgentDojo's users and attackers (Debenedetti et al., 2024, arXiv:2406.13352) before the permissions of a file."""
