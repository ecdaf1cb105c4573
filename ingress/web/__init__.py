"""The two pages, for customers and for a restaurant's kitchen: files that `ingress/site.py` serves as they are."""
