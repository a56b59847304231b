"""The plugin protocol: wire values, the engine, settings, and the base class of resources."""
