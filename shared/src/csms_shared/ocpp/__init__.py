"""OCPP-J as it is on the wire: frames, actions, schemas, error codes, times.

Knows no socket, no broker and no database, and decides nothing about charging.
"""
