"""The web page: HTML for people, made on the server, of what the API answers to machines."""
