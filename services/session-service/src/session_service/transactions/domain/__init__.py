"""What starts, stops and meter values make of transactions, decided without doing."""
