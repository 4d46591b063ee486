"""Real servers for tests: private, on free ports, in temporary folders, gone at the end."""
