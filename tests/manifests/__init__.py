"""The check of manifests, compose file and alerts: `python -m tests.manifests`."""
