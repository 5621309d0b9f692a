"""Thin handlers, one module a family: parse -> one use case -> response; and their blueprints."""
