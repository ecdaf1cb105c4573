"""Make each micro-batch of a Faust application atomic; README.md says how and why."""
