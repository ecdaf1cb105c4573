"""Memory that clients can make this process use: budgets in bytes, and what keeps within them."""
