"""What follows from commands on profiles, and what operators ask of them."""
