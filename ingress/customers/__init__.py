"""Who a customer is: phones that are verified by a code, and the ids of customers."""
