"""Reconciliation: compares the payment provider's books with the facts, payment by payment."""
