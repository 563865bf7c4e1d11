"""The protocol's edge: the only place that knows how a version of OCPP spells things."""
