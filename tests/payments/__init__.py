"""What is promised about money: one authorisation an order, one refund, whatever the provider does."""
