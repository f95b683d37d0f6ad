//! What a scope is worth. OpenClaw 2026.9.6 observed behaviour.

/// Does `granted` cover `wanted` for this role?
///
/// For an operator `operator.admin` covers every operator scope and `operator.write` covers `operator.read`; another role
/// needs the scope itself.
pub(super) fn covers(role: &str, granted: &[String], wanted: &str) -> bool {
    let has = |scope: &str| granted.iter().any(|held| held == scope);
    if role != "operator" {
        return has(wanted);
    }
    wanted.starts_with("operator.")
        && (has(wanted)
            || has("operator.admin")
            || (matches!(wanted, "operator.read" | "operator.talk") && has("operator.write")))
}

/// The first scope of `wanted` that `granted` does not cover.
pub(super) fn missing<'a>(role: &str, granted: &[String], wanted: &'a [String]) -> Option<&'a str> {
    wanted.iter().map(String::as_str).find(|scope| !covers(role, granted, scope))
}

/// The form in which a device token carries its scopes: sorted, without repeats, implied ones written out.
pub(super) fn token_form(scopes: &[String]) -> Vec<String> {
    let mut form: Vec<String> =
        scopes.iter().map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect();
    let holds = |form: &[String], scope: &str| form.iter().any(|held| held == scope);
    if holds(&form, "operator.admin") {
        form.extend(["operator.read".to_owned(), "operator.write".to_owned()]);
    } else if holds(&form, "operator.write") {
        form.push("operator.read".to_owned());
    }
    form.sort();
    form.dedup();
    form
}

/// Both lists in first-seen order, without repeats.
pub(super) fn union(first: &[String], second: &[String]) -> Vec<String> {
    let mut both: Vec<String> = Vec::with_capacity(first.len() + second.len());
    for item in first.iter().chain(second) {
        if !both.contains(item) {
            both.push(item.clone());
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn admin_covers_all_and_write_covers_read() {
        assert!(covers("operator", &list(&["operator.admin"]), "operator.pairing"));
        assert!(covers("operator", &list(&["operator.write"]), "operator.read"));
        assert!(!covers("operator", &list(&["operator.write"]), "operator.pairing"));
        assert!(!covers("operator", &list(&["operator.admin"]), "node.camera"));
        assert!(!covers("node", &list(&["operator.admin"]), "operator.read"));
    }

    #[test]
    fn a_token_writes_implied_scopes_out() {
        assert_eq!(
            token_form(&list(&["operator.pairing", "operator.admin", "operator.pairing"])),
            list(&["operator.admin", "operator.pairing", "operator.read", "operator.write"])
        );
    }
}
