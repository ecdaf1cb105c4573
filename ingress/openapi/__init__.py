"""The OpenAPI document and the /docs page, generated from the table of routes."""
