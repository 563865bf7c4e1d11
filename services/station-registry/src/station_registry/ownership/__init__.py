"""Which connection holds a station's socket, and which gateways live."""
