"""The suite measured beside what one would otherwise write; run it with `python -m bench`."""
