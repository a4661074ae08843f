//! Printing to stdout where the reader may have gone, as in `jaguarctl query | head`.

use std::io::Write;

/// Prints a line. A closed pipe is an error of the command, which [`is_closed_pipe`] tells from others.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}

/// Whether nobody reads our output any more, which is no failure.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io_error = error.downcast_ref::<std::io::Error>();
    io_error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
