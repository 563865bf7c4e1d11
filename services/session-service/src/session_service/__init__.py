"""Id tokens, authorization, transactions and meter values of charging stations."""
