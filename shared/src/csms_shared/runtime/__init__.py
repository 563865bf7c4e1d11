"""What every process is made of: clocks, settings, pauses between attempts."""
