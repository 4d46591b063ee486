"""The handler "log": writes a row for each occurrence."""
