"""The demo: a flash promotion, a crowd of customers, and a check of the result."""
