"""Whether a dependency is known to be vulnerable: what `make check` asks."""
