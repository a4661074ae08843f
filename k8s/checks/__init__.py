"""Checks of the manifests in k8s/ that need no cluster."""
