"""The gateway's side of the broker: lanes out, replies, commands and controls in, ownership.

Knows no socket: what concerns one is told to a `HeldConnection`.
"""
