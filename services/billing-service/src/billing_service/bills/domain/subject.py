"""What is billed: a session, or a reservation that nobody used. Each has one number.

That of a session is its transaction's, that of a reservation its own, negative. So both are due,
claimed, settled and corrected in one way, and are kept in one table.
"""


def number_of_reservation(reservation_id: int) -> int:
    """Return the number of a reservation."""
    return -reservation_id


def transaction_of(number: int) -> int | None:
    """Return the transaction that has this number, None where it is a reservation's."""
    return number if number > 0 else None


def reservation_of(number: int) -> int | None:
    """Return the reservation that has this number, None where it is a transaction's."""
    return -number if number < 0 else None
