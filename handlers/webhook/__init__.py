"""The handler "webhook": tells a receiver by HTTP."""
