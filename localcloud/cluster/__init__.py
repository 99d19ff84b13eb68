"""Kubernetes clusters of the local cloud: the real control plane as local processes, and nodes that run known images.

`control_plane` starts and stops etcd, kube-apiserver and the controllers of one cluster; `node` stands in for
the kubelet, the scheduler and the Pod Identity agent of a node group; the EKS endpoint drives `backend`.
"""
