"""The supervisor: starts the processes of the stack, restarts them when they die, stops them."""
