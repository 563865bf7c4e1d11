"""OCPP 1.6: leniently in, exactly out; a module per block."""
