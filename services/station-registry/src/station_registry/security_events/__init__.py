"""Security events: reported by stations, and noticed by the suite."""
