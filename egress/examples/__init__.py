"""What the data team can ask."""
