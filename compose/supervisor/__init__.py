"""The supervisor: starts the processes of the stack, keeps them running, stops them."""
