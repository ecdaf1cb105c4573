"""The relay: commands from one bucket of a restaurant to another, carried over (README, Stock escrow)."""
