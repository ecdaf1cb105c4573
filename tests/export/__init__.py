"""The export for the data team."""
