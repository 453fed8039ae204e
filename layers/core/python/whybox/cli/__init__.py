"""The whybox command."""
