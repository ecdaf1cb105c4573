"""Personal data: sealed, opened, forgotten."""
