"""What is billed: a session, or a reservation that nobody used. Each has one number.

That of a session is its transaction's, that of a reservation its own, negative. So both are due,
claimed, settled and corrected in one way, and are kept in one table. Nothing has the number 0.
"""


def number_of_transaction(transaction_id: int) -> int:
    """Return the number of a transaction; 0 where none can have this id."""
    return max(transaction_id, 0)


def number_of_reservation(reservation_id: int) -> int:
    """Return the number of a reservation; 0 where none can have this id."""
    return -max(reservation_id, 0)


def transaction_of(number: int) -> int | None:
    """Return the transaction that has this number, None where it is a reservation's."""
    return number if number > 0 else None


def reservation_of(number: int) -> int | None:
    """Return the reservation that has this number, None where it is a transaction's."""
    return -number if number < 0 else None
