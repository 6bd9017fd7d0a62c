//! Which names of one folder are one to somebody.

use std::collections::HashMap;

use crate::tree::RelPath;

/// Returns, for each of a folder's names (in NFC), the position of another that is equal to it, or
/// with `by_case` equal but for case. `None` where all are different, which is nearly always.
pub(super) fn twins(names: &[&str], by_case: bool) -> Option<Vec<Option<usize>>> {
    let keys: Vec<String> = if by_case {
        names.iter().map(|name| fold(name)).collect()
    } else {
        Vec::new()
    };
    let key = |at: usize| -> &str { if by_case { &keys[at] } else { names[at] } };
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by(|a, b| key(*a).cmp(key(*b)).then(a.cmp(b)));
    if order.windows(2).all(|pair| key(pair[0]) != key(pair[1])) {
        return None;
    }
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut others = vec![None; names.len()];
    for at in 0..names.len() {
        if let Some(other) = first.get(key(at)) {
            others[at] = Some(*other);
            others[*other].get_or_insert(at);
        } else {
            first.insert(key(at), at);
        }
    }
    Some(others)
}

fn fold(name: &str) -> String {
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        RelPath::fold_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_name_each_other() {
        assert_eq!(twins(&["a", "B", "b"], false), None);
        let found = twins(&["a", "B", "b", "b"], true).unwrap();
        assert_eq!(found, [None, Some(2), Some(1), Some(1)]);
        let found = twins(&["x", "\u{c9}a", "\u{e9}A"], true).unwrap();
        assert_eq!(found, [None, Some(2), Some(1)]);
        assert_eq!(twins(&[], true), None);
    }
}
