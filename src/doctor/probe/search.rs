//! The largest number that is taken, found with few tries.

use crate::{
    cloud::limit::is_of_one_request,
    error::{Error, Kind, Result},
};

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Largest {
    /// The largest number that was taken.
    pub(super) most: usize,
    /// The smallest that was not, and the words of the refusal; `None` where all were taken.
    pub(super) refused: Option<(usize, String)>,
}

impl Largest {
    /// Says it.
    pub(super) fn words(&self) -> String {
        match &self.refused {
            None => format!("{} are taken, and more were not tried", self.most),
            Some((refused, why)) => {
                format!("at most {}; {refused} are refused ({why})", self.most)
            }
        }
    }
}

/// Tries `sizes`, which ascend from the least, and then what lies between the last that was taken and the first that was
/// not. What is refused at the least size is no matter of size.
///
/// # Errors
/// That of the least size; one that is not of one request; `Temporary` where what was taken is taken no more.
pub(super) fn largest(
    sizes: &[usize],
    mut ask: impl FnMut(usize) -> Result<()>,
) -> Result<Largest> {
    let mut most = 0;
    let mut refused: Option<(usize, Error)> = None;
    for &size in sizes {
        match ask(size) {
            Ok(()) => most = size,
            Err(error) if most == 0 || !is_of_one_request(&error) => return Err(error),
            Err(error) => {
                refused = Some((size, error));
                break;
            }
        }
    }
    let Some((mut least, mut why)) = refused else {
        return Ok(Largest {
            most,
            refused: None,
        });
    };
    while least - most > 1 {
        let middle = most + (least - most) / 2;
        match ask(middle) {
            Ok(()) => most = middle,
            Err(error) if !is_of_one_request(&error) => return Err(error),
            Err(error) => (least, why) = (middle, error),
        }
    }
    // A service that has fallen ill meanwhile would look like one with a limit.
    ask(most).map_err(|error| {
        let words = format!("{most} were taken, and then no more");
        Error::new(Kind::Temporary, words).with_source(error)
    })?;
    Ok(Largest {
        most,
        refused: Some((least, why.chain())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Error {
        Error::new(Kind::Refused, "too many")
    }

    #[test]
    fn every_limit_is_found_exactly() {
        for limit in 1..=60 {
            let mut asked = 0;
            let found = largest(&[1, 10, 25, 50], |size| {
                asked += 1;
                if size <= limit {
                    Ok(())
                } else {
                    Err(refusal())
                }
            })
            .unwrap();
            assert_eq!(found.most, limit.min(50));
            assert_eq!(found.refused.is_some(), limit < 50, "{limit}");
            assert!(asked <= 11, "{limit}: {asked}");
        }
    }

    #[test]
    fn an_illness_is_not_taken_for_a_limit() {
        let alone = largest(&[1, 10], |_| Err(refusal())).unwrap_err();
        assert_eq!(alone.kind(), Kind::Refused);
        let mut asked = 0;
        let ill = largest(&[1, 10], |_| {
            asked += 1;
            if asked == 1 { Ok(()) } else { Err(refusal()) }
        });
        assert_eq!(ill.unwrap_err().kind(), Kind::Temporary);
        let stopped = largest(&[1, 10], |size| match size {
            1 => Ok(()),
            _ => Err(Error::new(Kind::Stopped, "")),
        });
        assert_eq!(stopped.unwrap_err().kind(), Kind::Stopped);
    }
}
