"""What the services share: OCPP framing, message contracts, broker, database, observability."""
