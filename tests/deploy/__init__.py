"""What is deployed agrees with itself and with the services; needs neither engine nor cluster."""
