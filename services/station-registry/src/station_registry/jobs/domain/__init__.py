"""What a job's status follows from, and how far a rollout goes."""
