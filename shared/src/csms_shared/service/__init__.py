"""What runs a service that owns data: its command line, its process, its queues."""
