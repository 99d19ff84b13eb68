"""The provider `eks`: the components of `pulumi-eks`, made of the same children under the same names."""
