use super::*;

#[test]
fn a_star_stands_for_any_text() {
    let check = |pattern: &str, text: &str, expected: bool| {
        assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
    };
    check("", "", true);
    check("", "a", false);
    check("*", "", true);
    check("*", "web", true);
    check("web", "web", true);
    check("web", "web2", false);
    check("web*", "web2", true);
    check("*-v1", "web-v1", true);
    check("*-v1", "web-v10", false);
    check("a*b*c", "axxbyyc", true);
    check("a*b*c", "axxcyyb", false);
    check("a*a", "a", false);
    check("**", "x", true);
}

#[test]
fn a_flag_names_a_code_and_maybe_objects() {
    let ignore = |text: &str| text.parse::<Ignore>();
    assert_eq!(
        ignore("mc0214").unwrap(),
        Ignore {
            code: Code::WeightIgnored,
            object: None
        }
    );
    let some = ignore("MC0214=shop/*").unwrap();
    assert_eq!(some.object, Some(("shop".into(), "*".into())));
    assert!(matches!(ignore("MC9999"), Err(IgnoreError::Code(_))));
    assert!(matches!(ignore("MC0214=shop"), Err(IgnoreError::Object(_))));
}
