"""The description of the HTTP side: a table of operations, and the OpenAPI document that is made of it."""
