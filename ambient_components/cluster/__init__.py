"""The Kubernetes API: client, kubeconfig, connection, and the guard against another cluster."""
