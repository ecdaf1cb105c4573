"""The commands of `promo`, one a file."""
