"""Personal data: sealed with a key of each order, which can be destroyed (README, decision 13)."""
