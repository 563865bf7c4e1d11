"""What the pages for contributors say, held against the tree."""
