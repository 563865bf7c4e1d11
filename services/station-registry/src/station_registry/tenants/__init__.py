"""Tenants: the operators who share the deployment, and how many stations each may have."""
