"""What reads payloads that are stored, by the OCPP version that each is kept with."""
