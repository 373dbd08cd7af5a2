"""`python -m anomalygpt`."""

from anomalygpt.cli import main

if __name__ == "__main__":
    main()
