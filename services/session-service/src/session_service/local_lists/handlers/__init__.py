"""Lists are looked at in turn, and answers of stations and wishes of operators taken in."""
