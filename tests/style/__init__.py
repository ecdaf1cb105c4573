"""Checks of words, references and documents; part of `make check`."""
