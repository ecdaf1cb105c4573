"""The load test of a promotion window: load generators, the real product, and the checker."""
