"""Decide every command, exactly once."""
