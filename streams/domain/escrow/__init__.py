"""Stock escrow: portions in buckets, each with its own single writer, that lend to each other (README, Stock escrow)."""
