"""The simulated messaging provider: an HTTP process that keeps the messages it was given, for tests and demos."""
