"""The edge: nginx as a gateway, with a cache of one second."""
