"""Kubernetes: the manifests, and what makes those of them that repeat what the code says."""
