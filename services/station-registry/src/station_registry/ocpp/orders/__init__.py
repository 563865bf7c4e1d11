"""What this service has stations do: intents, and the calls that they become.

Apart from `v16` beside it, because it knows no block: every block orders through it.
"""
