"""HTTP around the use cases: the endpoint table, the pipeline, errors rendered, event quirks."""
