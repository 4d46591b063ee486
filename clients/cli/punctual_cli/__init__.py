"""Punctual's command line. It speaks HTTP to the API, and knows nothing else of Punctual."""

__version__ = "0.1.0"
