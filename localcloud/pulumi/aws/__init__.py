"""The provider `aws`: resources of the local AWS endpoint, under the names that `pulumi-aws` gives them."""
