"""One folder per kind of effect. A handler sees nothing of Punctual but the port, events.handling."""

__version__ = "0.1.0"
