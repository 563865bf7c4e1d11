"""The protocol's edge: what each version of OCPP says of an action and its payload."""
