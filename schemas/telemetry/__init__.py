"""What a process tells of itself: logs, traces, health."""
