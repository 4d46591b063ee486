"""Input to try Punctual with."""
