"""Process utilities that every part shares."""
