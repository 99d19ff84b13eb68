"""The provider `kubernetes`: any object of a local cluster, under the names that `pulumi-kubernetes` gives them."""
