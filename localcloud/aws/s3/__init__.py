"""Amazon S3 where moto falls short of it."""
