"""What the firmware does when the central system calls, by functional block (OCPP 1.6, 3)."""
