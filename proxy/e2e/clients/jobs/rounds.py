"""Rounds of a job: one for each line on standard input. A round that fails ends the program with what went wrong."""
import sys


def run(once):
    """run calls once for each line, and says after each round that it is over."""
    for _ in sys.stdin:
        once()
        print("round", flush=True)
