"""REST, accounts, commands as durable resources, and the live stream of events."""
