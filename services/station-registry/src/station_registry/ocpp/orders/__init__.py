"""What this service has stations do: orders of intents, and commands that start jobs.

Apart from `v16` beside it, because it knows no block: every block orders through it.
"""
