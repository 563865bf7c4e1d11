"""The Tariff object of OCPI 2.2.1 (mod_tariffs), read strictly."""
