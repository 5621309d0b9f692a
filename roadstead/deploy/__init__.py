"""Bring a stage to AWS, look at it, take it away: thin over the `aws` command's CloudFormation."""
