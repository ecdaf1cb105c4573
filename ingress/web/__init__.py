"""The two pages, for customers and for a restaurant's kitchen: files that `ingress/web/assets.py` serves as they are."""
