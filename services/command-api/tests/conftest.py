"""What the tests of this service have in common."""

import sys
from pathlib import Path

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))
