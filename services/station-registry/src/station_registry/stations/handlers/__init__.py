"""What REST asks of stations and their connectors."""
