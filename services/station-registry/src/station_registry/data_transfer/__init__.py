"""What stations send in DataTransfer."""
