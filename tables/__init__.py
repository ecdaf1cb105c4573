"""What streams remember: which tables, by which key, who writes them."""
