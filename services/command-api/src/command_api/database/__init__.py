"""The schema `command`: its migrations, and the tables that every service has."""
