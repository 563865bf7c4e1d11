"""The gateway's side of the stations: handshakes, sockets, time, draining."""
