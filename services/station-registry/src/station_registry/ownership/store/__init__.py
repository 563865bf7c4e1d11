"""Statements on connections, gateways, and stations under their locks."""
