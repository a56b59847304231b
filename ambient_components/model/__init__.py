"""What people declare, described once: one pydantic model a noun."""
