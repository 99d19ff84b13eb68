"""The AWS endpoint of the local cloud: moto's state, completed where it falls short of AWS.

One process serves every service on one port of 127.0.0.1. Each request passes, in this order: the protocol
(`protocol.wire`), the signature and the principal behind it (`iam.authentication`), the policies
(`iam.authorization`), and then our own implementation of the operation or moto's.
"""
