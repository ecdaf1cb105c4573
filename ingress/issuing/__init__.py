"""Tokens that operators issue and revoke: the topic that every ingress process follows, and the command line."""
