"""How many processes of each role are wanted: by the rule of Kubernetes' autoscaler, and by the calendar of promotions."""
