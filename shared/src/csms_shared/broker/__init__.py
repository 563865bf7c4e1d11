"""RabbitMQ behind one thin wrapper: topology, confirmed publishing, batch consumption.

aio-pika is imported here and nowhere else (import contract "Only shared.broker speaks AMQP").
"""
