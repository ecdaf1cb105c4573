"""A fuzzer: requests generated from the OpenAPI document, valid and invalid ones, and a judge of the responses."""
