"""`python -m nbtasks` is the command `nbtasks`."""

from nbtasks.cli import main

if __name__ == "__main__":
    main()
