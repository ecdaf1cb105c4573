"""Requests to addresses that somebody else has chosen, which must not reach what is ours."""
