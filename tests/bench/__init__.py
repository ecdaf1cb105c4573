"""Benchmarks: open-loop load on a stack of its own; nothing here asserts a time."""
