"""Ports behind an HTTPS address, with the standard library alone."""
