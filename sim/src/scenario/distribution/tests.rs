use super::*;

const fn ms(n: u64) -> Span {
    Span::from_millis(n)
}

#[test]
fn a_bare_duration_is_a_constant_and_the_rest_has_a_name() {
    let read = |json: &str| serde_json::from_str::<Distribution>(json).map_err(|e| e.to_string());
    assert_eq!(read("\"5ms\""), Ok(Distribution::Constant(ms(5))));
    assert_eq!(
        read("{\"constant\":\"5ms\"}"),
        Ok(Distribution::Constant(ms(5)))
    );
    assert_eq!(
        read("{\"lognormal\":{\"p50\":\"1ms\",\"p99\":\"9ms\"}}"),
        Ok(Distribution::LogNormal {
            p50: ms(1),
            p99: ms(9)
        })
    );
    let error = read("{\"normal\":{}}").unwrap_err();
    assert!(error.contains("lognormal"), "{error}");
    assert!(read("{\"uniform\":{\"min\":\"1ms\"}}").is_err());
    assert!(read("5").is_err(), "a number without unit was accepted");
}

#[test]
fn parameters_in_the_wrong_order_are_a_problem() {
    let bad = Distribution::Uniform {
        min: ms(2),
        max: ms(1),
    };
    assert!(bad.problem().is_some());
}
