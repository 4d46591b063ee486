"""A package with a handler that is not ours, and the proof that it is found."""
