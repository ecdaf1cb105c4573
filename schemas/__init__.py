"""What crosses a process boundary: messages, topics, views, settings, metrics; and what every process shares."""
