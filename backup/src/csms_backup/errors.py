"""What can keep a backup or a restore from being made.

BackupError
└── MissingToolError    a program that this machine lacks; the message says what to install
"""


class BackupError(Exception):
    """Nothing was written or changed; the message is written for the person at the console."""


class MissingToolError(BackupError):
    """A program is missing; the message says what to install."""
