"""Ports on SQLite and a folder."""
