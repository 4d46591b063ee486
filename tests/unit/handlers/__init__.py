"""The handlers, called as the port calls them."""
