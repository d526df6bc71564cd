"""Prints, a line for each module named as an argument, whether it can be imported. Imports nothing: torch alone takes seconds."""
import importlib.util
import sys

for name in sys.argv[1:]:
    print(name, importlib.util.find_spec(name) is not None)
