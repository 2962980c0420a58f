"""OAuth 2.0 Dynamic Client Registration, decided by policies in YAML and CEL."""

__version__ = "0.1.0"
