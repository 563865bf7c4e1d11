"""Holds the stations' sockets and moves OCPP messages to and from RabbitMQ."""
