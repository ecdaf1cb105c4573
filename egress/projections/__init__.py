"""Facts in, Redis views out."""
