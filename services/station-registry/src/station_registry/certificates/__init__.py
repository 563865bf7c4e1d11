"""Certificates of stations: asked for, signed, delivered, installed, revoked, about to end."""
