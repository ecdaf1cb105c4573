"""Stock escrow: a restaurant's portions in several buckets, each with its own writer, that lend to each other."""
