"""The set-up is a folder of scripts that import each other by plain name, as when it is run."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "sovereign" / "setup"))
