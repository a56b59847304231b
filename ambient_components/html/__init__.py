"""Self-contained HTML pages: one writer that escapes every text, one stylesheet, one frame. Pure."""
