"""Published descriptions of messages and topics, made from their classes."""
