"""Events that are followed, sessions that are settled, requests about bills and costs."""
