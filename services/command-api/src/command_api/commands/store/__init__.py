"""Commands, and the transactions that remote starts have caused."""
