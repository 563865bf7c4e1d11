"""Commands of operators and orders of services, from the request to their end."""
