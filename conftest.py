"""At the root because pytest takes ``pytest_plugins`` from here alone; the tests' fixtures are in ``tests/``."""

pytest_plugins = ["pytester"]
