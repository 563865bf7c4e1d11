"""What is kept of tariffs and assignments."""
