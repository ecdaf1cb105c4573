"""Stock escrow: its laws, its simulation with faults, and its cost at scale."""
