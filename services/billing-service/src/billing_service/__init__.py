"""Tariffs as OCPI 2.2.1 has them, and what a session or a reservation costs by one of them."""
