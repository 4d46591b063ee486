"""The examples are what they say."""
