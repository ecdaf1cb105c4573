"""The payment gateway's client: payment requests in, calls of the provider, results out as commands."""
