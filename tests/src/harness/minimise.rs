//! The fewest inputs that still show a failure.

/// Leaves items out, as long as what's left still fails, in at most so many attempts.
///
/// `failure` gives the place of the item by which a sequence has failed: those behind it aren't needed.
pub fn minimise<T: Clone>(
    mut items: Vec<T>,
    attempts: usize,
    mut failure: impl FnMut(&[T]) -> Option<usize>,
) -> Vec<T> {
    let mut chunk = items.len() / 2;
    let mut attempt = 0;
    while chunk > 0 {
        let mut start = 0;
        while start < items.len() && attempt < attempts {
            attempt += 1;
            let end = (start + chunk).min(items.len());
            let fewer = [&items[..start], &items[end..]].concat();
            match failure(&fewer) {
                Some(last) => items = fewer[..=last].to_vec(),
                None => start = end,
            }
        }
        chunk /= 2;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_left() {
        let needed = |items: &[i32]| {
            let place = |item| items.iter().position(|&it| it == item);
            place(13).and(place(77)).filter(|&last| Some(last) > place(13))
        };
        assert_eq!(minimise((0..100).collect(), 1000, needed), [13, 77]);
    }

    #[test]
    fn attempts_are_bounded() {
        let mut attempts = 0;
        let all = minimise((0..100).collect::<Vec<_>>(), 5, |_| {
            attempts += 1;
            None
        });
        assert_eq!((attempts, all.len()), (5, 100));
    }
}
