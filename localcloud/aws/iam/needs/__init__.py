"""Which permissions a call needs: actions, resource ARNs and the condition keys that come with them.

Tables after AWS's service authorization reference, for the services that the stack uses. An operation that no table
names needs `service:Operation` on `*`.
"""
