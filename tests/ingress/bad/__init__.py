"""Bad inputs chosen by hand, as tables: what is sent, and which problem it must be answered with."""
