"""How egress treats other systems that fail: errors, circuit breaker, retry budget."""
