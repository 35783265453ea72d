"""`python -m radiusd` is the `radiusd` command."""

from radiusd.cli.main import main

main()
