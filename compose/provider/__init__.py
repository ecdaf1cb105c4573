"""The simulated payment provider: an HTTP process of its own, as slow, as failing and as forgetful as it is told to be."""
