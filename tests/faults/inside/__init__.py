"""What is put into a service's process."""
