"""Make each micro-batch of a Faust application one Kafka transaction; README.md says how and why."""
