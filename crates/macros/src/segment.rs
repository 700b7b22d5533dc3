//! The grammar of namespaces and operations in interop keys, so that a name that no SDK would take does not compile. Source:
//! "Interop Key Format" of the CacheKit documents; the run time checks the same again.

const CHARS_MAX: usize = 64;

/// What is wrong with a name, if anything is.
pub(crate) fn fault(text: &str, is_namespace: bool) -> Option<String> {
    let kind = if is_namespace { "namespace" } else { "operation" };
    let fault = |problem: String| Some(format!("the {kind} {text:?} {problem}"));
    if text.is_empty() {
        return fault("is empty".into());
    }
    if let Some(found) = text.char_indices().find_map(|(at, c)| (!is_allowed(at, c)).then_some(c)) {
        return fault(format!(
            "has {found:?}; only a-z, 0-9 and, after the first character, `.`, `_` and `-` are allowed"
        ));
    }
    if text.len() > CHARS_MAX {
        return fault(format!("has {} characters; at most {CHARS_MAX} are allowed", text.len()));
    }
    if text.contains("..") {
        return fault("contains `..`".into());
    }
    if is_namespace && matches!(text, "ns" | "nsapi") {
        return fault("is reserved".into());
    }
    None
}

fn is_allowed(at: usize, c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9') || (at > 0 && matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn names_follow_the_grammar() {
        for name in ["a", "0", "get_user", "a.b-c_d", &"a".repeat(64)] {
            assert_eq!(fault(name, true), None, "{name}");
        }
        assert_eq!(fault("ns", false), None, "only a namespace is reserved");
        for name in ["", "GetUser", "_a", "a b", "a:b", "é", "a..b", "ns", "nsapi", &"a".repeat(65)] {
            assert!(fault(name, true).is_some(), "{name}");
        }
    }
}
