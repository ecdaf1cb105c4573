"""Requests made of the OpenAPI document by the thousand, good ones and bad ones, and a judge of what is answered."""
