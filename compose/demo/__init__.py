"""The demonstration: a flash promotion, a crowd, and a check of what came of it."""
