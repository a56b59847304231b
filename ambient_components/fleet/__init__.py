"""From a stack file to components: the one place where models, config and Pulumi meet."""
