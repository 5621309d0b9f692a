"""AWS at home: CloudFront, API Gateway with Lambda, and S3, with the limits that they have.

docs/aws-at-home.md says what is enforced, where each rule is written, and what nobody has proved.
"""
