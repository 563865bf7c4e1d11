"""The load: stations on a compiled WebSocket client, in a process of their own."""
