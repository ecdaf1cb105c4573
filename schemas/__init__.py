"""What crosses a process boundary: commands, facts, replies, views, topics, settings, metrics."""
