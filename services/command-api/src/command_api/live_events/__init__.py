"""Events as they are stored, and as they were: what streams and the history are made of."""
