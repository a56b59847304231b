"""The exception of the benchmark."""


class BenchError(Exception):
    """An expected failure, printed without a traceback: no measurement, or results that can't be compared."""
