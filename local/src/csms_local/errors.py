"""What can keep the suite from starting, or a node from obeying.

StartupError
├── MissingToolError    a program that this machine lacks; the message says what to install
├── PortTakenError      a port of ours is in use; the message names its variable
└── AlreadyRunningError another suite uses the same state folder
NodeCommandError        a node refused a command of its own tool
"""


class StartupError(Exception):
    """The suite cannot start; the message is written for the person at the console."""


class MissingToolError(StartupError):
    """A program is missing; the message says what to install."""


class PortTakenError(StartupError):
    """A port that the suite must listen on is in use."""


class AlreadyRunningError(StartupError):
    """Another suite runs on the same state folder."""


class NodeCommandError(Exception):
    """A node's own command-line tool failed; the message says what was asked and what it said."""
