"""Tables of the schema `session`, and every statement on them."""
