"""How far the public exchange is."""

from prometheus_client import Gauge

FEED_POSITION = Gauge(
    "csms_public_feed_position",
    "Position of the newest event that this process has published to the public exchange.",
)
