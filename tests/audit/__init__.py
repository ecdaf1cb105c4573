"""The check of locked dependencies against known vulnerabilities; part of `make check`."""
