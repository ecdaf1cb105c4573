"""Stock escrow: its laws, its simulation with faults, and what it costs at scale."""
