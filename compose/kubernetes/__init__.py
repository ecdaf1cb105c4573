"""Kubernetes manifests, and the code that generates two of them."""
