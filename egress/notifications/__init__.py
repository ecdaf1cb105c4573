"""Notifications: order facts become deliveries, and a worker makes them by webhook and Web Push."""
