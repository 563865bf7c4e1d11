"""What went over the sockets: recorded frames and refused handshakes."""
