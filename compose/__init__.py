"""The local stack, its supervisor, the demo, the command line, and deployments."""
