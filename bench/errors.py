"""The benchmark's one exception: it could not measure, or what it measured would not be worth comparing."""


class BenchError(Exception):
    """An expected failure, printed without a traceback."""
