"""Jobs of stations: firmware to install, diagnostics and logs to upload."""
