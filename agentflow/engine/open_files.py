"""How many files this process may hold open."""

FILES_PER_CALL = 4
"""A command holds its three pipes and a handle; a model call holds one connection."""


def allow_open_files(calls: int) -> None:
    """Raises this process's bound on open files where so many calls in flight need it, as far as the system lets it."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such bound
        return
    wanted = calls * FILES_PER_CALL + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
