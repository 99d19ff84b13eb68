"""The data plane of batch transform: objects are split, sent to a model over HTTP, joined, assembled, written.

Bytes in, bytes out. Protocols say where objects come from and go to (`objects`), how a model container is started
(`containers`), and where log lines go (`job`); this package knows no AWS client, no Kubernetes and no Pulumi.

`run.run_transform` runs one job. docs/differences.md lists every point on which AWS's behaviour is not publicly known.
Filters are read by `data_processing`, which the program shares.
"""
