"""The greatest, the least and the oddest values of every type, through every way in."""
