"""The security extension and the security profiles, on a suite with a TLS port."""
