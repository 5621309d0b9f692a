"""The web page: in process, and in a browser against a registry that real clients have filled."""
