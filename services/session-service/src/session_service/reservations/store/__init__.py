"""Statements on reservations, and on what keeps stations from them."""
