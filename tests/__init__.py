"""Every test runs against real parts: PostgreSQL, and RabbitMQ where it is installed."""
