"""The one place that states the version: the package, the plugin and the schema read it here."""

VERSION = "0.1.0"
