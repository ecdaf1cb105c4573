"""The commands of python -m compose, one a file."""
