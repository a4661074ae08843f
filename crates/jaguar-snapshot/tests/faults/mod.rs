//! An object store in memory, of which one put goes wrong.

use std::sync::Mutex;

use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How a put goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is written.
    Refuse,
    /// Half of the object is written, and the put fails.
    Tear,
    /// Half of the object is written, and the put succeeds.
    TearSilently,
}

/// The store.
#[derive(Debug, Default)]
pub(crate) struct FaultStore {
    objects: InMemory,
    /// Puts until the fault, and which.
    pending: Mutex<Option<(usize, Fault)>>,
}

impl FaultStore {
    /// The put after `step` good ones goes wrong.
    pub(crate) fn break_put(&self, step: usize, fault: Fault) {
        *self.pending.lock().expect("nobody panicked") = Some((step, fault));
    }

    fn fault(&self) -> Option<Fault> {
        let mut pending = self.pending.lock().expect("nobody panicked");
        match *pending {
            Some((0, fault)) => {
                *pending = None;
                Some(fault)
            }
            Some((step, fault)) => {
                *pending = Some((step - 1, fault));
                None
            }
            None => None,
        }
    }
}

impl std::fmt::Display for FaultStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaultStore")
    }
}

fn broken() -> Error {
    Error::Generic {
        store: "FaultStore",
        source: "the disk is full".into(),
    }
}

#[async_trait::async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let Some(fault) = self.fault() else {
            return self.objects.put_opts(location, payload, opts).await;
        };
        if fault == Fault::Refuse {
            return Err(broken());
        }
        let whole: Vec<u8> = payload.iter().flat_map(|bytes| bytes.iter().copied()).collect();
        let half = whole[..whole.len() / 2].to_vec();
        let put = self.objects.put_opts(location, half.into(), opts).await?;
        if fault == Fault::Tear { Err(broken()) } else { Ok(put) }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
