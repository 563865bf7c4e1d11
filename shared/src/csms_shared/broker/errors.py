"""Errors of the broker, all of the infrastructure family: what was asked may have happened.

BrokerError
├── BrokerUnavailable      no connection within the time allowed
├── PublishUnconfirmed     timed out or the channel closed: stored or not is unknown
│   ├── PublishLost        its connection or channel ended, or there was none
│   └── PublishRefused     nacked: a queue did not take it; others may have
├── PublishReturned        no queue took the message: certainly not stored
├── RequestTimedOut        the other service did not answer by the deadline
└── AnswerUnreadable       it answered with something that is no answer
"""


class BrokerError(Exception):
    """Anything that went wrong between this process and another over RabbitMQ."""


class BrokerUnavailable(BrokerError):
    """No connection to the broker could be had within the time allowed."""


class PublishUnconfirmed(BrokerError):
    """The broker did not confirm; whether the message was stored is unknown."""


class PublishLost(PublishUnconfirmed):
    """The way to the broker ended before it confirmed, which says nothing of any queue."""


class PublishRefused(PublishUnconfirmed):
    """The broker answered that a queue did not take it; other queues of its key may have."""


class PublishReturned(BrokerError):
    """No queue is bound for the message; it was certainly not stored."""


class RequestTimedOut(BrokerError):
    """No reply came by the deadline; whether the request took effect is unknown."""


class AnswerUnreadable(BrokerError):
    """A reply came that does not meet its contract; whether the request took effect is unknown."""
