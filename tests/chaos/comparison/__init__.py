"""A counter under kill -9, once with Faust's own exactly_once and once with the runtime of streams/exactly_once."""
