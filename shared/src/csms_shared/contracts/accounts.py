"""What the replicas of command-api tell each other of users, API keys and sessions."""

from csms_shared.contracts.envelope import Contract


class AccountsChanged(Contract):
    """One of them has changed or ended: nobody is recognised from memory who was before."""
