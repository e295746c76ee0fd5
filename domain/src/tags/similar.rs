//! "Did you mean …?" for names and values.

/// How many candidates are compared: a suggestion is a courtesy and must not cost more than the
/// request it belongs to.
const MOST_COMPARED: usize = 1_000;
/// Above this length an edit distance costs more than it tells.
const LONGEST_COMPARED: usize = 64;

/// The candidate that was most probably meant: equal but for case, else one or two typing errors
/// away (one for short words). Ties go to the first candidate.
pub(super) fn similar<'a, T: AsRef<str>>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a T>,
) -> Option<&'a T> {
    if given.len() > LONGEST_COMPARED {
        return None;
    }
    let tolerated = if given.chars().count() <= 4 { 1 } else { 2 };
    candidates
        .into_iter()
        .take(MOST_COMPARED)
        .filter(|candidate| candidate.as_ref().len().abs_diff(given.len()) <= 2 * tolerated)
        .map(|candidate| (distance(given, candidate.as_ref()), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(given: &str, candidate: &str) -> usize {
    if given.to_lowercase() == candidate.to_lowercase() {
        return 0;
    }
    strsim::osa_distance(given, candidate)
}

#[cfg(test)]
mod tests {
    use super::similar;

    fn of(given: &str) -> Option<&'static str> {
        const KNOWN: [&str; 4] = ["Region", "Rack", "Datacenter", "Owner"];
        similar(given, KNOWN.iter()).copied()
    }

    #[test]
    fn case_and_small_slips_are_recognised() {
        assert_eq!(of("region"), Some("Region"));
        assert_eq!(of("REGION"), Some("Region"));
        assert_eq!(of("Regoin"), Some("Region"));
        assert_eq!(of("Datacentre"), Some("Datacenter"));
        assert_eq!(of("Rac"), Some("Rack"));
    }

    #[test]
    fn another_word_is_not_suggested() {
        assert_eq!(of("Site"), None);
        assert_eq!(of("Tier"), None);
        assert_eq!(of(""), None);
        assert_eq!(of(&"x".repeat(10_000)), None);
    }
}
