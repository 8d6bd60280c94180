use super::*;

const ALL: [Format; 3] = [Format::TraceContext, Format::B3, Format::B3Multi];
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let fields = fields.iter().map(|(name, value)| {
        let value = HeaderValue::from_static(value);
        (HeaderName::from_static(name), value)
    });
    fields.collect()
}

fn ids(trace: u128, span: u64) -> Option<(TraceId, SpanId)> {
    Some((TraceId(trace), SpanId(span)))
}

#[test]
fn w3c_is_read_as_the_standard_has_it() {
    let check = |value: &'static str, sampled: Option<bool>| {
        let parent = read(&headers(&[("traceparent", value)]), &ALL);
        assert_eq!(parent.sampled, sampled, "{value}");
        let expected = sampled.and_then(|_| ids(TRACE, SPAN));
        assert_eq!(parent.ids, expected, "{value}");
    };
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Some(true),
    );
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        Some(false),
    );
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
        Some(true),
    );
    // A later version may say more.
    check(
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
        Some(true),
    );
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
        None,
    );
    check(
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        None,
    );
    check(
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        None,
    );
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        None,
    );
    check(
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        None,
    );
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        None,
    );
    check(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        None,
    );
    check(
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        None,
    );
    check("", None);
}

#[test]
fn two_traceparents_are_none() {
    let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut twice = headers(&[("traceparent", value)]);
    twice.append(TRACEPARENT, HeaderValue::from_static(value));
    assert_eq!(read(&twice, &ALL), Parent::default());
}

#[test]
fn b3_is_read_in_both_of_its_forms() {
    let check = |fields: &[(&'static str, &'static str)], expected: Option<Parent>| {
        let parent = read(&headers(fields), &ALL);
        assert_eq!(parent, expected.unwrap_or_default(), "{fields:?}");
    };
    let parent = |trace, sampled, debug| {
        Some(Parent {
            ids: ids(trace, SPAN),
            sampled,
            debug,
            random: false,
        })
    };
    let only = |sampled| {
        Some(Parent {
            ids: None,
            sampled: Some(sampled),
            debug: false,
            random: false,
        })
    };
    let b3 = |value: &'static str, expected| check(&[("b3", value)], expected);
    let long = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1";
    b3(long, parent(TRACE, Some(true), false));
    b3(
        "a3ce929d0e0e4736-00f067aa0ba902b7",
        parent(0xa3ce_929d_0e0e_4736, None, false),
    );
    b3(
        "a3ce929d0e0e4736-00f067aa0ba902b7-d",
        parent(0xa3ce_929d_0e0e_4736, Some(true), true),
    );
    b3(
        "a3ce929d0e0e4736-00f067aa0ba902b7-0-00f067aa0ba902b8",
        parent(0xa3ce_929d_0e0e_4736, Some(false), false),
    );
    b3("0", only(false));
    b3("1", only(true));
    b3("a3ce929d0e0e4736-00f067aa0ba902b7-2", None);
    b3("a3ce929d0e0e4736", None);
    b3("a3ce929d0e0e4736-00f067aa0ba902b7-1-x", None);
    let (trace, span) = (
        ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("x-b3-spanid", "00f067aa0ba902b7"),
    );
    check(&[trace, span], parent(TRACE, None, false));
    check(
        &[trace, span, ("x-b3-sampled", "0")],
        parent(TRACE, Some(false), false),
    );
    check(
        &[trace, span, ("x-b3-flags", "1")],
        parent(TRACE, Some(true), true),
    );
    check(&[("x-b3-sampled", "0")], only(false));
    check(&[trace, ("x-b3-spanid", "zz")], None);
}

#[test]
fn the_first_format_that_is_right_holds() {
    let both = headers(&[
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("b3", "0"),
    ]);
    assert_eq!(read(&both, &ALL).sampled, Some(true));
    assert_eq!(
        read(&both, &[Format::B3, Format::TraceContext]).sampled,
        Some(false)
    );
}

fn context(parent: Parent, rate: f64, parent_based: bool) -> Context {
    Context::child(parent, [1, 2, 0xabc], rate, parent_based)
}

#[test]
fn a_child_keeps_its_trace_and_the_decision() {
    let parent = |sampled, debug| Parent {
        ids: ids(TRACE, SPAN),
        sampled,
        debug,
        random: false,
    };
    let check = |parent, rate, parent_based, sampled: bool| {
        let child = context(parent, rate, parent_based);
        assert_eq!(child.trace, TraceId(TRACE));
        assert_eq!(
            (child.parent, child.span),
            (Some(SpanId(SPAN)), SpanId(0xabc))
        );
        assert_eq!(child.sampled, sampled);
    };
    check(parent(Some(true), false), 0.0, true, true);
    check(parent(Some(false), false), 1.0, true, false);
    check(parent(Some(false), false), 1.0, false, true);
    check(parent(Some(true), false), 0.0, false, false);
    check(parent(Some(true), true), 0.0, false, true);
    check(parent(None, false), 1.0, true, true);
    check(parent(None, false), 0.0, true, false);
}

#[test]
fn a_share_of_new_traces_is_sampled() {
    let mut sampled = 0;
    let mut entropy = engine::entropy::Entropy::from_seed(7);
    for _ in 0..10_000 {
        let random = [entropy.u64(), entropy.u64(), entropy.u64()];
        let context = Context::child(Parent::default(), random, 0.1, true);
        assert_eq!(context.parent, None);
        sampled += u32::from(context.sampled);
    }
    // 1,000 with a standard deviation of 30.
    assert!((880..1120).contains(&sampled), "{sampled}");
}

#[test]
fn what_is_written_is_read_back() {
    for format in ALL {
        for debug in [false, true] {
            let parent = Parent {
                ids: ids(TRACE, SPAN),
                sampled: Some(true),
                debug: debug && format != Format::TraceContext,
                random: false,
            };
            let child = context(parent, 0.0, true);
            let mut headers = HeaderMap::new();
            write(&child, &[format], &mut headers);
            let read = read(&headers, &[format]);
            assert_eq!(read.ids, Some((child.trace, child.span)), "{format:?}");
            assert_eq!(read.sampled, Some(true));
            assert_eq!(read.debug, parent.debug);
        }
    }
}

#[test]
fn headers_have_their_public_form() {
    let parent = Parent {
        ids: ids(TRACE, SPAN),
        sampled: Some(true),
        debug: false,
        random: false,
    };
    let mut headers = headers(&[("x-b3-flags", "1"), ("tracestate", "a=1")]);
    write(&context(parent, 0.0, true), &ALL, &mut headers);
    let check = |name: &str, value: Option<&str>| {
        let found = headers.get(name).map(|v| v.to_str().unwrap());
        assert_eq!(found, value, "{name}");
    };
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let span = "0000000000000abc";
    check("traceparent", Some(&format!("00-{trace}-{span}-01")));
    check("tracestate", Some("a=1"));
    check("b3", Some(&format!("{trace}-{span}-1-00f067aa0ba902b7")));
    check("x-b3-traceid", Some(trace));
    check("x-b3-spanid", Some(span));
    check("x-b3-parentspanid", Some("00f067aa0ba902b7"));
    check("x-b3-sampled", Some("1"));
    check("x-b3-flags", None);
}

#[test]
fn only_a_trace_that_began_here_or_says_so_is_random() {
    let check = |parent: Parent, flags: &str| {
        let mut headers = HeaderMap::new();
        let context = context(parent, 1.0, true);
        write(&context, &[Format::TraceContext], &mut headers);
        let value = headers[TRACEPARENT].to_str().unwrap();
        assert_eq!(&value[value.len() - 2..], flags);
    };
    let parent = |random| Parent {
        ids: ids(TRACE, SPAN),
        sampled: Some(true),
        debug: false,
        random,
    };
    check(Parent::default(), "03");
    check(parent(true), "03");
    check(parent(false), "01");
}
