"""The shell: bytes in, the domain's decision, bytes out."""
