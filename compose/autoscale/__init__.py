"""How many processes each role needs, by the rule of Kubernetes' autoscaler and the calendar of promotions."""
