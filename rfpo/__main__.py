"""`python -m rfpo` is `rfpo`."""

from rfpo.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
