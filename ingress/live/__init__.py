"""Fan-out of changes to the clients that follow an order or a restaurant's board."""
