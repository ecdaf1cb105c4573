"""The simulated payment provider: an HTTP process whose delays and failures can be set while it runs."""
