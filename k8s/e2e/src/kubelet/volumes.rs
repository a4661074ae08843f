//! The volumes of a pod: directories on this machine that are mounted into its containers.
//!
//! What comes from the API is written as the kubelet does it: the files are in a directory of their own, `..data` is a symbolic link to it, and the names that the
//! container sees are links through `..data`. One rename of that link changes all of them at once.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, ServiceAccount, ServiceAccountTokenProjection, Volume,
    VolumeProjection,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::environment::field_value;

/// The files of a volume by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A volume that has been laid out.
#[derive(Debug)]
pub(super) struct Laid {
    /// Its name in the pod.
    pub(super) name: String,
    /// Where it is on this machine.
    pub(super) directory: PathBuf,
}

/// Lays out and updates the volumes of one pod.
pub(super) struct Volumes {
    client: Client,
    folder: PathBuf,
    address: Ipv4Addr,
    /// Tokens live for an hour, which is longer than a run; they are asked for once.
    tokens: BTreeMap<String, Vec<u8>>,
    written: BTreeMap<String, Files>,
}

impl Volumes {
    /// Volumes go to subfolders of `folder`.
    pub(super) fn new(client: Client, folder: PathBuf, address: Ipv4Addr) -> Self {
        Self {
            client,
            folder,
            address,
            tokens: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    /// Lays out all volumes of the pod, and brings those up to date that are there already and whose source has changed.
    ///
    /// # Errors
    /// When a source is not there, or is of a kind that this kubelet does not know.
    pub(super) async fn lay_out(&mut self, pod: &Pod) -> anyhow::Result<Vec<Laid>> {
        let mut laid = Vec::new();
        for volume in pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()) {
            let directory = self.folder.join(&volume.name);
            let failed = || format!("volume {}", volume.name);
            fs::create_dir_all(&directory).with_context(failed)?;
            if volume.empty_dir.is_some() {
                fs::set_permissions(&directory, Permissions::from_mode(0o777))?;
                chown(&directory, None, group(pod))?;
            } else {
                let files = self.files(pod, volume).await.with_context(failed)?;
                if self.written.get(&volume.name) != Some(&files) {
                    write_atomically(&directory, &files, group(pod)).with_context(failed)?;
                    self.written.insert(volume.name.clone(), files);
                }
            }
            laid.push(Laid {
                name: volume.name.clone(),
                directory,
            });
        }
        Ok(laid)
    }

    async fn files(&mut self, pod: &Pod, volume: &Volume) -> anyhow::Result<Files> {
        if let Some(source) = &volume.config_map {
            return self
                .config_map(pod, &source.name, source.items.as_deref(), source.optional)
                .await;
        }
        if let Some(source) = &volume.secret {
            let name = source.secret_name.as_deref().unwrap_or_default();
            return self.secret(pod, name, source.items.as_deref(), source.optional).await;
        }
        if let Some(source) = &volume.downward_api {
            return self.downward_api(pod, source.items.as_deref());
        }
        let Some(projected) = &volume.projected else {
            bail!("is neither configMap, secret, downwardAPI, projected nor emptyDir, which is all this kubelet knows");
        };
        let mut files = Files::new();
        for source in projected.sources.iter().flatten() {
            files.extend(self.projection(pod, source).await?);
        }
        Ok(files)
    }

    async fn projection(&mut self, pod: &Pod, source: &VolumeProjection) -> anyhow::Result<Files> {
        if let Some(token) = &source.service_account_token {
            return Ok(Files::from([(token.path.clone(), self.token(pod, token).await?)]));
        }
        if let Some(source) = &source.config_map {
            return self
                .config_map(pod, &source.name, source.items.as_deref(), source.optional)
                .await;
        }
        if let Some(source) = &source.secret {
            return self
                .secret(pod, &source.name, source.items.as_deref(), source.optional)
                .await;
        }
        if let Some(source) = &source.downward_api {
            return self.downward_api(pod, source.items.as_deref());
        }
        bail!("projects something that this kubelet does not know");
    }

    async fn config_map(
        &self,
        pod: &Pod,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> anyhow::Result<Files> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace(pod));
        let Some(map) = api.get_opt(name).await? else {
            return absent("ConfigMap", name, optional);
        };
        let mut files: Files = map
            .data
            .into_iter()
            .flatten()
            .map(|(key, text)| (key, text.into_bytes()))
            .collect();
        files.extend(map.binary_data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0)));
        chosen(files, items)
    }

    async fn secret(
        &self,
        pod: &Pod,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> anyhow::Result<Files> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace(pod));
        let Some(secret) = api.get_opt(name).await? else {
            return absent("Secret", name, optional);
        };
        let files = secret.data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0));
        chosen(files.collect(), items)
    }

    fn downward_api(&self, pod: &Pod, items: Option<&[DownwardAPIVolumeFile]>) -> anyhow::Result<Files> {
        let file = |item: &DownwardAPIVolumeFile| {
            let field = item
                .field_ref
                .as_ref()
                .context("a resource as a file is not something this kubelet knows")?;
            Ok((item.path.clone(), field_value(pod, field, self.address)?.into_bytes()))
        };
        items.unwrap_or_default().iter().map(file).collect()
    }

    async fn token(&mut self, pod: &Pod, wanted: &ServiceAccountTokenProjection) -> anyhow::Result<Vec<u8>> {
        if let Some(token) = self.tokens.get(&wanted.path) {
            return Ok(token.clone());
        }
        let account = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.service_account_name.as_deref())
            .unwrap_or("default");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: wanted.audience.clone().map(|audience| vec![audience]),
                expiration_seconds: wanted.expiration_seconds,
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Pod".to_owned()),
                    name: pod.metadata.name.clone(),
                    uid: pod.metadata.uid.clone(),
                }),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace(pod));
        let answer = api
            .create_token_request(account, &PostParams::default(), &request)
            .await?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .context("the API server gave no token")?
            .into_bytes();
        self.tokens.insert(wanted.path.clone(), token.clone());
        Ok(token)
    }
}

pub(super) fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}

fn group(pod: &Pod) -> Option<u32> {
    let context = pod.spec.as_ref()?.security_context.as_ref()?;
    context.fs_group.and_then(|group| u32::try_from(group).ok())
}

fn absent(kind: &str, name: &str, optional: Option<bool>) -> anyhow::Result<Files> {
    if optional == Some(true) {
        return Ok(Files::new());
    }
    bail!("{kind} {name} does not exist")
}

/// The files that `items` name, under the names that they give; all without it.
fn chosen(mut files: Files, items: Option<&[KeyToPath]>) -> anyhow::Result<Files> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Ok(files);
    };
    let take = |item: &KeyToPath| {
        let content = files
            .remove(&item.key)
            .with_context(|| format!("there is no key {}", item.key))?;
        Ok((item.path.clone(), content))
    };
    items.iter().map(take).collect()
}

/// Writes `files` into `directory` so that a reader sees either all old or all new ones.
fn write_atomically(directory: &Path, files: &Files, group: Option<u32>) -> anyhow::Result<()> {
    let data = directory.join("..data");
    let old = match fs::read_link(&data) {
        Ok(target) => Some(target),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let version = old.as_ref().map_or(0, |target| {
        let number = target
            .to_string_lossy()
            .rsplit('.')
            .next()
            .and_then(|number| number.parse::<u64>().ok());
        number.map_or(0, |number| number + 1)
    });
    let new = PathBuf::from(format!("..version.{version}"));
    fs::create_dir_all(directory.join(&new))?;
    for (name, content) in files {
        if name.contains('/') {
            bail!("{name}: a path with folders is not something this kubelet knows");
        }
        let path = directory.join(&new).join(name);
        fs::write(&path, content)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        chown(&path, None, group)?;
    }
    let next = directory.join("..data_next");
    symlink(&new, &next)?;
    fs::rename(&next, &data)?;
    for name in files.keys() {
        let visible = directory.join(name);
        if fs::symlink_metadata(&visible).is_err() {
            symlink(Path::new("..data").join(name), visible)?;
        }
    }
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("..") && !files.contains_key(&name) {
            fs::remove_file(directory.join(name))?;
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(directory.join(old))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_replaces_all_files_at_once_and_leaves_nothing_behind() {
        let directory = std::env::temp_dir().join(format!("jaguar-volumes-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let files = |pairs: &[(&str, &str)]| -> Files {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec()))
                .collect()
        };
        write_atomically(&directory, &files(&[("rate", "60"), ("gone", "1")]), None).unwrap();
        // Whoever has opened the directory behind ..data keeps seeing one version of everything.
        assert_eq!(fs::read_to_string(directory.join("rate")).unwrap(), "60");
        assert_eq!(fs::read_link(directory.join("rate")).unwrap(), Path::new("..data/rate"));
        write_atomically(&directory, &files(&[("rate", "30"), ("new", "2")]), None).unwrap();
        assert_eq!(fs::read_to_string(directory.join("rate")).unwrap(), "30");
        assert_eq!(fs::read_to_string(directory.join("new")).unwrap(), "2");
        let mut left: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["..data", "..version.1", "new", "rate"]);
        fs::remove_dir_all(&directory).unwrap();
    }
}
