"""The components in all languages of Pulumi: their schema, and `Construct`, in the plugin's process."""

from ambient_components.languages.construct import construct
from ambient_components.languages.schema import schema_json

__all__ = ["construct", "schema_json"]
