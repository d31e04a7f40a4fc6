//! The merge agrees with written-down histories of one record, step by step, and with the view at their end.

#[test]
fn the_merge_agrees_with_every_written_history() {
    let report =
        harness::vectors::run(include_bytes!("data/merge_vectors.json")).expect("the file can be read");
    assert!(report.agrees(), "{report}");
    assert!(report.views_in_all >= 400, "{report}");
}

#[test]
fn a_wrong_expectation_is_found() {
    let text = include_str!("data/merge_vectors.json");
    let wrong = text.replacen("\"value\":8", "\"value\":9", 2).replacen("\"value\":9", "\"value\":8", 1);
    let report = harness::vectors::run(wrong.as_bytes()).expect("the file can be read");
    assert!(!report.agrees());
    assert!(report.first.is_some());
}
