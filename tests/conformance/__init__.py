"""The use cases of OCPP 1.6: what the central system answers, and what it keeps."""
