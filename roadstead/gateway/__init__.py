"""The gateway: HTTP/1.1 in, API Gateway proxy events to the very app that Lambda calls."""
