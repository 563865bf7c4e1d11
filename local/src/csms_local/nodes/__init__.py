"""Private RabbitMQ and PostgreSQL nodes: real servers as child processes, no container engine."""
