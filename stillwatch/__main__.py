"""`python -m stillwatch` is the `stillwatch` command."""

from stillwatch.cli import main

if __name__ == "__main__":
    main()
