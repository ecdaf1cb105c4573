"""How the parts are put together: the local stack, its supervisor, the demonstration, the command line."""
