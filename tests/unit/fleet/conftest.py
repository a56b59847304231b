"""What tests of fleets share."""

from tests.support.fleet_runs import fleet

__all__ = ["fleet"]
