"""What times, numbers, texts and flags from outside become: frames, REST and events alike.

Nothing from here is more than a column of PostgreSQL holds, and no arithmetic on it overflows.
"""
