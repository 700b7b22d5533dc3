//! What is wrong with an annotation is said where it is wrong, in words.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
