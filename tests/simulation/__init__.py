"""Deterministic simulation: the real decisions and the real rules, on a log in memory and a virtual clock."""
