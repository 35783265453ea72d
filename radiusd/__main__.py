"""`python -m radiusd` is the `radiusd` command."""

from radiusd.cli.main import main

if __name__ == "__main__":
    main()
