"""What one station's connection does, as values in and effects out.

Knows no socket, no broker, no clock and no event loop: `websocket` and `amqp` carry the effects
out. Every method returns at once and raises for nothing that a station or a service can send.
"""
