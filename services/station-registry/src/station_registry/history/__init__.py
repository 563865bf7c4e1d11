"""What became of stations' presence and of their connectors' status."""
