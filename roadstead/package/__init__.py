"""Build what is deployed: the function's zip and the templates. Never shipped itself."""
