"""The limit of open files, which bounds the connections of a process."""

import resource

#: Open files that a process needs in addition to its connections.
RESERVED_FILES = 128
#: Open files that a process may have where the hard limit permits it.
MAX_OPEN_FILES = 65_536


def raise_limit(max_connections: int) -> int:
    """Raise RLIMIT_NOFILE as far as it may be; return how many of these connections fit into the limit that results.

    Connections that are about to be rejected need files too, so the limit is raised beyond those that are admitted.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(max_connections + RESERVED_FILES, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return max_connections
    return max(1, min(max_connections, soft - RESERVED_FILES))
