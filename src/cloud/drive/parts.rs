//! Many things, few requests, one after the other.

use crate::{
    cloud::limit::{Size, is_of_one_request},
    error::{Error, Kind as ErrorKind, Result},
};

/// So many single requests in a row that found nobody, and the service counts as away.
const AWAY_AFTER: usize = 3;

/// Asks for all of `things`, as many in one request as `size` allows; where that fails, in halves,
/// until what fails is alone. An answer for each, in order.
///
/// # Errors
/// What would fail for all: no session, stopped, nobody there.
pub(super) fn in_parts<I, T>(
    size: &Size,
    things: &[I],
    mut ask: impl FnMut(&[I]) -> Result<Vec<T>>,
) -> Result<Vec<Result<T>>> {
    let mut answers = Vec::with_capacity(things.len());
    // Parts that failed, to be asked again in halves; the next one last.
    let mut again: Vec<&[I]> = Vec::new();
    let mut rest = things;
    let mut unanswered = 0;
    loop {
        let part = if let Some(part) = again.pop() {
            part
        } else if rest.is_empty() {
            return Ok(answers);
        } else {
            let (part, more) = rest.split_at(size.now().min(rest.len()));
            rest = more;
            part
        };
        let error = match ask(part) {
            Ok(got) if got.len() == part.len() => {
                size.clean(part.len());
                unanswered = 0;
                answers.extend(got.into_iter().map(Ok));
                continue;
            }
            Ok(got) => Error::new(
                ErrorKind::Protocol,
                format!(
                    "asked for {}, the service answered {}",
                    part.len(),
                    got.len()
                ),
            ),
            Err(error) => error,
        };
        if !is_of_one_request(&error) {
            return Err(error);
        }
        if part.len() > 1 {
            size.refused(part.len());
            let (first, second) = part.split_at(part.len() / 2);
            again.extend([second, first]);
            continue;
        }
        if error.kind() == ErrorKind::Temporary {
            unanswered += 1;
            if unanswered >= AWAY_AFTER || things.len() == 1 {
                return Err(error);
            }
        }
        answers.push(Err(error));
    }
}
