"""Amazon EC2 where moto falls short of it."""
