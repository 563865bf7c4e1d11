"""Clients of plain HTTP, without the authorities of all the world.

Whoever makes a client of httpx without this reads them all: 30 ms of processor time, each time.
"""

import ssl

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
