"""The checker: compares the observations of clients and readers with the contract. It imports nothing of the product."""
