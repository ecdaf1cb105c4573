"""Example queries for the data team."""
