"""The provider `aws`: resources of the local AWS endpoint, with the types and properties of `pulumi-aws`."""
