"""Reservations follow their facts, and operators make, read and cancel them."""
