"""Live: changes pushed to whoever follows an order or a restaurant's board."""
