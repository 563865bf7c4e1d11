"""What operators do with the console, from the first page to the end: ten tasks."""
