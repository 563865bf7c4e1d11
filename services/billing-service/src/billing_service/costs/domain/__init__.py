"""Cost as a function of facts, tariff and time zone: equal arguments, equal cost, for ever."""
