"""`python -m vitalspan` is the command `vitalspan`."""

import sys

from vitalspan.cli import main

if __name__ == "__main__":
    sys.exit(main())
