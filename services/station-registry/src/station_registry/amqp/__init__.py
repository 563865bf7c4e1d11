"""The registry's queues: what comes in goes to its handler, what was decided goes out."""
