"""Which orders are admitted when there are too many: limits per client, and retries of admitted orders."""
