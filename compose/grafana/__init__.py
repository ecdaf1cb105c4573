"""The dashboard, made by `python -m compose.grafana.dashboard`."""
