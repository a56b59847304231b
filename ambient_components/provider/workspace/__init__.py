"""Objects of a workspace that carry access or that the platform also writes."""
