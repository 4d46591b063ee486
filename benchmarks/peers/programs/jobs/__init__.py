"""The Django app of a user who wrote his own scheduler."""
