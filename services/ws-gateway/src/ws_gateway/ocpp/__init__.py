"""The gateway's protocol edge: what each OCPP version says, as a `Dialect` that the domain reads.

Only here are fields and actions of OCPP spelled. The version is chosen at the handshake, by the
subprotocol.
"""
