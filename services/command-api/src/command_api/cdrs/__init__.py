"""Charge detail records, which billing-service numbers and keeps."""
