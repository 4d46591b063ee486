"""The local run: every process of Punctual under one runner, with an embedded PostgreSQL and broker."""
