"""HTTP in, commands out, replies back, reads from views."""
