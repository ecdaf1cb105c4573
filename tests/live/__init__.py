"""What followers of orders and boards see, over views that are grown as egress grows them."""
