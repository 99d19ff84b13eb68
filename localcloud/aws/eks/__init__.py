"""Amazon EKS: clusters and node groups that really run, and the access records that decide who may use them."""
