"""ambient-components."""
