"""How a station proves who it is: passwords, client certificates, security profiles."""
