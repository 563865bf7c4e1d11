"""What sessions cost, as billing-service knows it and REST shows it."""
