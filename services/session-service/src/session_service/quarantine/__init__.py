"""Reports that fit no transaction, until one is found or they are set aside."""
