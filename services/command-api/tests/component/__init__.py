"""A package, so that what its tests share ends before the tests of other services begin."""
