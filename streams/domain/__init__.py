"""Pure rules: what a command leads to, and what a fact changes."""
