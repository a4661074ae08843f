//! What the tests of real daemons share.

use std::time::Duration;

use jaguar_client::NewBody;

/// Asks again and again until the answer is yes; the test's own time limit is the runner's.
pub(crate) async fn until<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) {
    while !ask().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Small bodies in a row along x, far enough apart never to touch.
pub(crate) fn row(count: usize) -> impl Iterator<Item = NewBody> {
    (0..count).map(move |i| NewBody {
        position: [3.0 * i as f64 - 1.5 * count as f64, 0.0, 0.0],
        radius: 0.5,
        mass: 1.0,
        ..NewBody::default()
    })
}
