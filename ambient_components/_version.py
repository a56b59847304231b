"""The version of the package, the plugin and the schema."""

VERSION = "0.1.0"
