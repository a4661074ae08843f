# The container tools as they work without a daemon, without a registry and inside a sandbox; sourced by docker/build, docker/test and k8s/e2e/run.
#
# Images and containers live in a storage of their own, so that nothing of the user's is touched; driver vfs needs nothing of the kernel.
containers=$(realpath -m "${JAGUAR_CONTAINERS:-$(dirname "${BASH_SOURCE[0]}")/.containers}")
storage=(--root "$containers/storage" --runroot "$containers/run" --storage-driver vfs)

buildah() {
    command buildah "${storage[@]}" "$@"
}

# runc and cgroupfs: they also work where there is no systemd and where cgroups v1 and v2 are mixed.
podman() {
    command podman "${storage[@]}" --tmpdir "$containers/tmp" --runtime runc --cgroup-manager cgroupfs "$@"
}

# Installs the tools with Debian's package manager if one is missing.
need_container_tools() {
    local missing=()
    for tool in podman buildah runc; do
        type -P "$tool" >/dev/null || missing+=("$tool")
    done
    [ "${#missing[@]}" -eq 0 ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; }
}
