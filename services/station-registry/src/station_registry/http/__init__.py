"""What the registry itself asks over HTTP: an external signer of certificates."""
