"""HTTP in general: problems, validation, headers, languages, tokens, roles, metrics of requests."""
