"""The order of a station's calls: by connection, then by frame of that connection."""

Stamp = tuple[int, int]  # (epoch, seq)
BEFORE_ANY: Stamp = (-1, -1)
