"""Tests of the local stack and its command line."""
