"""Benchmarks: open-loop load on stacks of their own. None asserts a time."""
