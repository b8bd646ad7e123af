"""`python -m radius_mfa` is the command radius-mfa."""

import sys

from radius_mfa.cli import main

if __name__ == "__main__":
    sys.exit(main())
