"""Payments: requests in, calls of the payment provider, results out as commands."""
