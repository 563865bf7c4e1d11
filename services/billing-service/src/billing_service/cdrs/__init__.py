"""Charge detail records of OCPI 2.2.1, numbered without gaps."""
