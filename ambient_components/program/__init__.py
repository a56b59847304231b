"""From a stack file to components: the place where models, config and Pulumi meet."""
