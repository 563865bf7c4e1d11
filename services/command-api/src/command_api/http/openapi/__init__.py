"""The OpenAPI document, made of the routes and of what is known of each action."""
